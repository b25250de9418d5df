"""A condition judged in memory, one profile at a time. It agrees with `segments.compiler` on everybody."""

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

from segments.conditions import (
    AllOf,
    AnyOf,
    Assigned,
    Comparison,
    Condition,
    Consented,
    Happened,
    InSegment,
    Not,
    Scored,
    describe,
    fold,
)
from segments.conditions.needs import as_texts
from segments.conditions.vocabulary import Kind
from segments.profiles import Catalogue, Occurrence, Profile, load_profiles

__all__ = ["Explanation", "explain", "load_profiles", "matches"]

_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


@dataclass(frozen=True, slots=True)
class Explanation:
    """Whether one part of a condition holds, in words, with the facts it was judged by."""

    sentence: str
    holds: bool
    facts: str
    parts: tuple["Explanation", ...] = ()


def matches(condition: Condition, profile: Profile, *, now: datetime) -> bool:
    """Return whether the profile fits; it must have been loaded for this condition and this `now`."""
    match condition:
        case AllOf(parts):
            return all(matches(part, profile, now=now) for part in parts)
        case AnyOf(parts):
            return any(matches(part, profile, now=now) for part in parts)
        case Not(part):
            return not matches(part, profile, now=now)
        case Comparison():
            return _compares(condition, profile, now)
        case Happened():
            times = len(_occurrences(condition, profile, now))
            return condition.least <= times and (condition.most is None or times <= condition.most)
        case Scored():
            return _scores(condition, profile)
        case InSegment(key):
            return key in profile.segments
        case Consented(purpose):
            return purpose in profile.consents
        case Assigned(experiment, variant):
            drawn = profile.assignments.get(experiment)
            return drawn is not None and variant in (None, drawn)


def explain(condition: Condition, profile: Profile, *, now: datetime) -> Explanation:
    """Return the verdict on every part of the condition, as a tree of the same form."""
    parts: tuple[Condition, ...] = ()
    match condition:
        case AllOf(several) | AnyOf(several):
            parts = several
        case Not(part):
            parts = (part,)
    sentence = {AllOf: "All of these", AnyOf: "Any of these"}.get(type(condition)) or describe(condition)
    return Explanation(
        sentence,
        matches(condition, profile, now=now),
        _facts(condition, profile, now),
        tuple(explain(part, profile, now=now) for part in parts),
    )


def _compares(condition: Comparison, profile: Profile, now: datetime) -> bool:
    field, op, wanted = condition.field, condition.op, condition.value
    found = _found(condition, profile)
    if field.kind is Kind.COUNT:
        return _COMPARE[op](found, wanted)
    if op == "is_missing":
        return found is None
    if found is None or op == "is_present":
        return found is not None
    match field.kind:
        case Kind.TIME | Kind.DATE:
            return _timely(found, op, wanted, now)
        case Kind.CATEGORY:
            return _listed(found, op, profile.catalogue.categories, as_texts(wanted))
        case Kind.PRODUCT:
            return _listed(found, op, profile.catalogue.products, as_texts(wanted))
        case Kind.TEXT:
            return _reads(fold(str(found)), op, tuple(map(fold, as_texts(wanted))))
        case Kind.BOOLEAN:
            return bool(found == wanted)
        case Kind.OPEN:
            return _open(found, op, wanted)


def _found(condition: Comparison, profile: Profile) -> Any:
    """Return the stored value; None where it is missing, 0 where nothing was counted."""
    field = condition.field
    is_custom = field.kind is Kind.OPEN
    found = profile.attributes.get(field.name) if is_custom else profile.fields.get(field.path)
    if field.kind is Kind.COUNT:
        return found or 0
    return None if found is None or str(found) == "" else found


def _timely(found: Any, op: str, wanted: Any, now: datetime) -> bool:
    match op:
        case "before":
            return bool(found < wanted)
        case "after":
            return bool(found >= wanted)
        case "within":
            return bool(now - wanted <= found < now)
    return bool(found < now - wanted)


def _listed(found: int, op: str, ids: Any, wanted: Iterable[str]) -> bool:
    chosen = any(found in ids.get(name, ()) for name in wanted)
    return chosen if op in ("eq", "in") else not chosen


def _reads(found: str, op: str, texts: tuple[str, ...]) -> bool:
    match op:
        case "eq" | "in":
            return found in texts
        case "ne" | "not_in":
            return found not in texts
        case "contains":
            return texts[0] in found
    return found.startswith(texts[0])


def _open(found: Any, op: str, wanted: Any) -> bool:
    if isinstance(wanted, bool):
        return isinstance(found, bool) and _COMPARE[op](found, wanted)
    if isinstance(wanted, Decimal):
        is_number = isinstance(found, int | Decimal) and not isinstance(found, bool)
        return is_number and _COMPARE[op](found, wanted)
    return isinstance(found, str) and _reads(fold(found), op, tuple(map(fold, as_texts(wanted))))


def _scores(condition: Scored, profile: Profile) -> bool:
    if condition.kind not in profile.scores:
        return False
    value, percentile = profile.scores[condition.kind]
    match condition.op:
        case "top_percent":
            return percentile > 100 - condition.value
        case "bottom_percent":
            return percentile <= condition.value
    return _COMPARE[condition.op](value, condition.value)


def _occurrences(condition: Happened, profile: Profile, now: datetime) -> list[Occurrence]:
    start, end = condition.window(now)
    found = [
        event
        for event in profile.events.get(condition.type, ())
        if event.occurred_at < end
        and (start is None or event.occurred_at >= start)
        and _where(condition, event, profile.catalogue)
    ]
    if condition.not_followed_by is None:
        return found
    followers = profile.events.get(condition.not_followed_by, ())
    last = max((event.occurred_at for event in followers if event.occurred_at < now), default=None)
    return [event for event in found if last is None or event.occurred_at > last]


def _where(condition: Happened, event: Occurrence, catalogue: Catalogue) -> bool:
    where = condition.where
    for names, ids, found in (
        (where.categories, catalogue.categories, event.category_id),
        (where.products, catalogue.products, event.product_id),
    ):
        if names is not None and not any(found in ids.get(name, ()) for name in names):
            return False
    for bounds, number in ((where.value_minor, event.value_minor), (where.quantity, event.quantity)):
        if any(number is None or not _COMPARE[op](number, bound) for op, bound in bounds):
            return False
    return all(
        text is None or (found is not None and fold(found) == fold(text))
        for text, found in ((where.currency, event.currency), (where.source, event.source))
    )


def _facts(condition: Condition, profile: Profile, now: datetime) -> str:
    match condition:
        case Comparison():
            found = _found(condition, profile)
            return "nothing is known" if found is None else f"{condition.field.label}: {_shown(found)}"
        case Happened():
            found = _occurrences(condition, profile, now)
            last = f", last {_shown(max(event.occurred_at for event in found))}" if found else ""
            return f"{len(found)} time{'' if len(found) == 1 else 's'}{last}"
        case Scored(kind):
            if kind not in profile.scores:
                return "no score is stored"
            value, percentile = profile.scores[kind]
            return f"score {value:.4g}, percentile {percentile:.1f}"
        case Assigned(experiment):
            return profile.assignments.get(experiment, "takes no part")
    return ""


def _shown(value: Any) -> str:
    return f"{value:%-d %B %Y %H:%M} UTC" if isinstance(value, datetime) else str(value)
