"""A condition judged in memory, one profile at a time. It agrees with `segments.compiler` on everybody."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
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
    InStage,
    Not,
    Scored,
    describe,
)
from segments.conditions.needs import as_texts
from segments.conditions.nodes import COMPARE
from segments.conditions.vocabulary import Kind
from segments.events_in_memory import are_enough, measured, occurrences
from segments.open_values import open_holds, present, text_holds
from segments.profiles import Occurrence, Profile, load_profiles

__all__ = ["Explanation", "explain", "load_profiles", "matches"]
LATEST = 3


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
            return are_enough(condition, occurrences(condition, profile, now))
        case Scored():
            return _scores(condition, profile)
        case InSegment(key):
            return key in profile.segments
        case InStage(keys):
            return profile.stage in keys
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
        return COMPARE[op](found, wanted)
    if field.kind is Kind.OPEN:
        return open_holds(found, condition)
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
        case Kind.STORE:
            return _listed(found, op, profile.catalogue.stores, as_texts(wanted))
        case Kind.NUMBER:
            return COMPARE[op](found, wanted)
        case Kind.TEXT:
            return text_holds(str(found), condition)
    return bool(found == wanted)


def _found(condition: Comparison, profile: Profile) -> Any:
    """Return the stored value; None where it is missing, 0 where nothing was counted."""
    field = condition.field
    if field.kind is Kind.OPEN:
        return present(profile.attributes.get(field.name))
    found = profile.fields.get(field.path)
    return found or 0 if field.kind is Kind.COUNT else present(found)


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


def _scores(condition: Scored, profile: Profile) -> bool:
    if condition.kind not in profile.scores:
        return False
    value, percentile = profile.scores[condition.kind]
    match condition.op:
        case "top_percent":
            return percentile > 100 - condition.value
        case "bottom_percent":
            return percentile <= condition.value
    return COMPARE[condition.op](value, condition.value)


def _facts(condition: Condition, profile: Profile, now: datetime) -> str:
    match condition:
        case Comparison():
            found = _found(condition, profile)
            if found is None:
                return "nothing is known"
            if condition.field.kind in (Kind.CATEGORY, Kind.PRODUCT, Kind.STORE):
                return _which(condition, profile, found)
            return f"{condition.field.label}: {_shown(found)}"
        case Happened():
            return _event_facts(condition, occurrences(condition, profile, now))
        case Scored(kind):
            if kind not in profile.scores:
                return "no score is stored"
            value, percentile = profile.scores[kind]
            return f"score {value:.4g}, percentile {percentile:.1f}"
        case Assigned(experiment):
            return profile.assignments.get(experiment, "takes no part")
        case InStage():
            return profile.stage or "stands in no stage"
    return ""


def _which(condition: Comparison, profile: Profile, found: int) -> str:
    """Say which of the named categories, products or stores it is."""
    catalogue = profile.catalogue
    known = {Kind.CATEGORY: catalogue.categories, Kind.STORE: catalogue.stores}
    ids = known.get(condition.field.kind, catalogue.products)
    named = [name for name in as_texts(condition.value) if found in ids.get(name, ())]
    if named:
        return f"{condition.field.label}: in “{named[0]}”" if ids is catalogue.categories else named[0]
    return f"{condition.field.label}: " + ("another one" if condition.value else "known")


def _event_facts(condition: Happened, found: Sequence[Occurrence]) -> str:
    """How often, how much, and when most recently."""
    parts = [f"{len(found)} time{'' if len(found) == 1 else 's'}"]
    for total in condition.totals:
        amount = measured(total, found)
        noun = {"sum": "adding up to", "avg": "on average", "distinct": "different:"}[total.measure]
        parts.append(f"{noun} {float(amount):,.6g}" if amount is not None else "no average")
    moments = sorted({event.occurred_at for event in found}, reverse=True)[:LATEST]
    if moments:
        parts.append(f"last {' and '.join(map(_shown, moments))}")
    return ", ".join(parts)


def _shown(value: Any) -> str:
    return f"{value:%-d %B %Y %H:%M} UTC" if isinstance(value, datetime) else str(value)
