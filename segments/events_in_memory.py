"""Events of a condition counted in memory, for one profile; `segments.events_in_sql` says the same for everybody."""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from segments.conditions import Happened, Step, Total, Where, fold
from segments.conditions.nodes import COMPARE
from segments.open_values import open_holds
from segments.profiles import Catalogue, Occurrence, Profile


def occurrences(condition: Happened, profile: Profile, now: datetime) -> list[Occurrence]:
    """Return the events that count, in no order."""
    start, end = condition.window(now)
    return [
        event
        for event in _picked(condition, profile, now)
        if event.occurred_at < end
        and (start is None or event.occurred_at >= start)
        and _where(condition.where, event, profile.catalogue)
        and _goes_on(condition, event, profile, now)
    ]


def are_enough(condition: Happened, found: Sequence[Occurrence]) -> bool:
    """Return whether the events reach the limits of the condition."""
    if len(found) < condition.least or (condition.most is not None and len(found) > condition.most):
        return False
    for total in condition.totals:
        amount = measured(total, found)
        if amount is None or not all(COMPARE[op](amount, Fraction(bound)) for op, bound in total.bounds):
            return False
    return True


def measured(total: Total, found: Sequence[Occurrence]) -> Fraction | None:
    """Return the sum, the average or the number of different things; None is the average of nothing."""
    if total.measure == "distinct":
        if total.of == "occurred_at":
            return Fraction(len({event.occurred_at.astimezone(UTC).date() for event in found}))
        return Fraction(len({getattr(event, total.of) for event in found} - {None}))
    known = [getattr(event, total.of) for event in found if getattr(event, total.of) is not None]
    if total.measure == "avg":
        return Fraction(sum(known), len(known)) if known else None
    return Fraction(sum(known))


def _of_kind(step: Happened | Step, profile: Profile, now: datetime) -> Iterator[Occurrence]:
    if step.name is None:
        types = frozenset({int(step.type)})
    else:
        types = profile.catalogue.event_types.get(step.name, frozenset())
    for type in types:
        for event in profile.events.get(type, ()):
            if event.occurred_at < now:
                yield event


def _picked(condition: Happened, profile: Profile, now: datetime) -> Iterator[Occurrence]:
    if condition.pick is None:
        yield from _of_kind(condition, profile, now)
        return
    everything = list(_of_kind(condition, profile, now))
    nearest = min if condition.pick == "first" else max
    at = nearest((event.occurred_at for event in everything), default=now)
    yield from (event for event in everything if event.occurred_at == at)


def _goes_on(step: Happened | Step, event: Occurrence, profile: Profile, now: datetime) -> bool:
    """Whether what has to follow the event followed it, and what must not did not."""
    if step.followed_by is not None and not _follows(step.followed_by, step, event, profile, now):
        return False
    return step.not_followed_by is None or not _follows(step.not_followed_by, step, event, profile, now)


def _follows(
    step: Step, earlier: Happened | Step, event: Occurrence, profile: Profile, now: datetime
) -> bool:
    until = event.occurred_at + (step.within or timedelta(days=200_000))
    return any(
        (later.occurred_at > event.occurred_at)
        or (later.occurred_at == event.occurred_at and step.kind != earlier.kind)
        for later in _of_kind(step, profile, now)
        if later.occurred_at < until
        and _where(step.where, later, profile.catalogue)
        and _goes_on(step, later, profile, now)
    )


def _where(where: Where, event: Occurrence, catalogue: Catalogue) -> bool:
    for names, ids, found in (
        (where.categories, catalogue.categories, event.category_id),
        (where.products, catalogue.products, event.product_id),
    ):
        if names is not None and not any(found in ids.get(name, ()) for name in names):
            return False
    for bounds, number in ((where.value_minor, event.value_minor), (where.quantity, event.quantity)):
        if any(number is None or not COMPARE[op](number, bound) for op, bound in bounds):
            return False
    for text, written in ((where.currency, event.currency), (where.source, event.source)):
        if text is not None and (written is None or fold(written) != fold(text)):
            return False
    return all(open_holds(event.properties.get(test.field.name), test) for test in where.properties)
