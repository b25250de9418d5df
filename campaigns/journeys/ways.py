"""Where the customers of a batch go: decided in memory, after a fixed number of queries, and written elsewhere."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from django.db import connection

from campaigns.journeys.documents import (
    END,
    Document,
    SetAttributes,
    Split,
    Step,
    Wait,
    Webhook,
    parse_document,
)
from campaigns.journeys.news import bits_of, types_of
from campaigns.journeys.steps import DONE, EXIT, LATE, Situation, come_out, ended_by_itself, reads
from campaigns.models import Enrolment, JourneyVersion, StepCount
from customers.models import Assignment, Customer
from experiments.assigning import draws_of, variant_for
from experiments.models import Experiment
from segments.evaluator import load_profiles
from segments.profiles import Profile

GONE, WITHHELD = "gone", "withheld"
_UTC = ZoneInfo("UTC")
_HAPPENED = """
SELECT waiting.id FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS waiting (id, customer_id, since)
WHERE EXISTS (
    SELECT FROM customers_event event WHERE event.customer_id = waiting.customer_id AND event.type = ANY(%s)
        AND event.occurred_at >= waiting.since AND event.occurred_at >= %s AND event.occurred_at <= %s)
"""


@dataclass(slots=True)
class Way:
    """One customer's walk in a batch: what they went through (position, step, outcome), and where they are then."""

    enrolment: Enrolment
    customer: Customer
    visits: list[tuple[int, str, str]] = field(default_factory=list)
    done: list[tuple[int, Step]] = field(default_factory=list)
    arrived: list[str] = field(default_factory=list)

    def leave(self, outcome: str, *, to: str) -> None:
        """Note what came out of the step, and stand at the next one."""
        one = self.enrolment
        self.visits.append((one.position, one.step, outcome))
        one.position, one.waits_since, one.awaits = one.position + 1, None, 0
        if to == END:
            one.ending = one.ending or DONE
        else:
            one.step = to
            self.arrived.append(to)

    def end(self, ending: str) -> None:
        """Leave the journey from where they stand."""
        self.enrolment.ending = ending
        self.leave(ending, to=END)


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What is known of the customers of a batch: profiles by customer, who did what they wait for, and their arms."""

    profiles: Mapping[int, Profile]
    happened: frozenset[int]
    arms: Mapping[int, Mapping[str, str]]


@lru_cache(maxsize=256)
def document_of(version_id: int) -> Document:
    """Return a version's document; kept in the process, since versions never change."""
    return parse_document(JourneyVersion.objects.get(pk=version_id).document)


def go_on(ways: Sequence[Way], *, now: datetime) -> None:
    """Let each go on until they wait or leave; a fixed number of queries for each version among them."""
    for version_id in sorted({way.enrolment.version_id for way in ways}):
        document = document_of(version_id)
        of_version = [way for way in ways if way.enrolment.version_id == version_id]
        known = _known(document, of_version, now=now)
        for way in of_version:
            _go_on(document, way, known, now=now)


def arms_of(document: Document, customers: Iterable[Customer]) -> dict[int, dict[str, str]]:
    """Return the variants that these customers have, or would be given, in the experiments that split the journey.

    Who was assigned before stays where they are. Three queries for each experiment, none without one.
    """
    people = {one.pk: one for one in customers}
    keys = sorted({step.act.experiment for step in document.steps if isinstance(step.act, Split)})
    arms: dict[int, dict[str, str]] = {pk: {} for pk in people}
    for experiment in Experiment.objects.filter(key__in=keys):
        draws = draws_of(experiment)
        given = Assignment.objects.filter(experiment_key=experiment.key, customer__in=people)
        drawn = dict(given.values_list("customer_id", "variant_key"))
        for pk, one in people.items():
            arms[pk][experiment.key] = drawn.get(pk) or variant_for(one.public_id, draws)
    return arms


def judged_splits(document: Document) -> dict[str, str]:
    """Return the experiments whose results are those of the journey's splits, by step; one query where there is one."""
    splits = {step.name: step.act.experiment for step in document.steps if isinstance(step.act, Split)}
    if not splits:
        return splits
    of_journeys = Experiment.objects.filter(key__in=splits.values(), campaign=None, imported=None)
    judged = set(of_journeys.values_list("key", flat=True))
    return {name: key for name, key in splits.items() if key in judged}


def zone_of(customer: Customer) -> ZoneInfo:
    """Return the customer's time zone, UTC where none is known."""
    return ZoneInfo(str(customer.timezone)) if customer.timezone else _UTC


def _known(document: Document, ways: Sequence[Way], *, now: datetime) -> Known:
    ids = [way.customer.pk for way in ways]
    return Known(
        profiles=load_profiles(ids, reads(document), now=now),
        happened=frozenset(_happened(document, ways, now=now)),
        arms=arms_of(document, (way.customer for way in ways)),
    )


def _happened(document: Document, ways: Sequence[Way], *, now: datetime) -> Iterable[int]:
    """The enrolments whose customers did what they wait for since they wait; a query for each step that waits so."""
    for step in document.steps:
        waiting = [
            (way.enrolment.pk, way.customer.pk, way.enrolment.waits_since)
            for way in ways
            if way.enrolment.step == step.name and way.enrolment.waits_since is not None
        ]
        if isinstance(step.act, Wait) and step.act.event is not None and waiting:
            enrolments, customers, moments = map(list, zip(*waiting, strict=True))
            earliest = min(one for one in moments if one is not None)
            with connection.cursor() as cursor:
                cursor.execute(
                    _HAPPENED, [enrolments, customers, moments, types_of(step.act.event), earliest, now]
                )
                yield from (row[0] for row in cursor.fetchall())


def _go_on(document: Document, way: Way, known: Known, *, now: datetime) -> None:
    one = way.enrolment
    profile = known.profiles.get(way.customer.pk)
    if profile is None or way.customer.erased_at is not None:
        return way.end(GONE)
    if ending := ended_by_itself(document, profile, now=now):
        return way.end(ending)
    one.due_at = now
    while not one.ending:
        step = document.step(one.step)
        if step is None:
            return way.end(GONE)
        at = Situation(
            now=now,
            zone=zone_of(way.customer),
            profile=profile,
            arms=known.arms[way.customer.pk],
            since=one.waits_since,
            happened=one.waits_since is not None and one.pk in known.happened,
        )
        moved = come_out(step, at)
        if moved.outcome is None:
            return _wait(one, step, moved.due_at or now, now=now)
        _leave(way, step, moved.outcome)
        if isinstance(step.act, SetAttributes | Split):
            return None  # what was just written is read in the next batch
    return None


def _leave(way: Way, step: Step, outcome: str) -> None:
    if outcome in (EXIT, LATE):
        way.end(outcome)
    elif isinstance(step.act, Webhook) and way.customer.do_not_sell:
        way.leave(WITHHELD, to=step.ways[outcome])  # nothing of them goes to others
    else:
        way.done.append((way.enrolment.position, step))
        way.leave(outcome, to=step.ways.get(outcome, END))


def _wait(one: Enrolment, step: Step, due_at: datetime, *, now: datetime) -> None:
    one.waits_since, one.due_at = one.waits_since or now, due_at.astimezone(UTC)
    if isinstance(step.act, Wait) and step.act.event is not None:
        one.awaits = bits_of(step.act.event)


def counts_of(ways: Iterable[Way]) -> Iterable[tuple[int, str, str]]:
    """Yield what has to be counted: each arrival, and each step that was left."""
    for way in ways:
        version_id = way.enrolment.version_id
        yield from ((version_id, step, StepCount.ARRIVED) for step in way.arrived)
        yield from ((version_id, step, outcome) for _, step, outcome in way.visits)
