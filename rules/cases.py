"""Stored test cases: an imaginary customer, and what the rules must decide for him.

    name: a camper sees tents
    customer:
      attributes: {country: GB, attributes.tier: gold}
      facts: {orders_count: 3, last_purchase_category: outdoor/camping, last_order_at: {days: 3}}
      events:
        - {event: product_viewed, ago: {hours: 2}, category: outdoor/camping, times: 2}
      segments: [vip]
      stage: loyal
      scores: {ltv: {value: 210, percentile: 95}}
      consents: [marketing_email]
      experiments: {hero-test: b}
    expect: {show: hero-camping, set: {headline: Back to the woods}, fired: [camper]}

A span stands for that long ago. What `expect` does not name is not asked about; null means nothing.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from customers.models import Consent, EventType
from customers.models.tracking import name_key
from rules.documents import LONGEST_NAME, Document, DocumentError, Recommendation, recommendation_of
from rules.outcomes import Outcome, outcome_of
from rules.wording import describe_recommendation
from segments.conditions import ConditionError, Needs, fold, needs
from segments.conditions.values import (
    duration,
    instant,
    join,
    mapping,
    number,
    one_of,
    only,
    text,
    texts,
    whole,
)
from segments.conditions.vocabulary import ATTRIBUTES, EVENTS, FACTS, Kind
from segments.evaluator import matches
from segments.profiles import Catalogue, Occurrence, Profile

MOST_EVENTS = 200
_OWN = "attributes."
_MOMENT = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one case went; no problems where it passes."""

    name: str
    problems: tuple[str, ...]

    @property
    def passes(self) -> bool:
        """Whether the rules decide what is expected."""
        return not self.problems


def check_case(name: object, customer: object, expected: object, *, now: datetime) -> None:
    """Refuse a case that cannot be judged. Raises DocumentError with the place."""
    try:
        if len(text(name, "name")) > LONGEST_NAME:
            raise ConditionError("name", f"has more than {LONGEST_NAME} characters.")
        _profile(customer, Needs(), now)
        _expectation(expected)
    except ConditionError as error:
        raise DocumentError(f"{error.path}: {error.reason}") from error


def judge_case(
    name: str, customer: object, expected: object, document: Document, *, now: datetime
) -> Verdict:
    """Let the document decide for the imaginary customer and compare; a case that cannot be read fails."""
    wanted = Needs()
    for rule in document.rules:
        wanted |= needs(rule.when)
    try:
        profile = _profile(customer, wanted, now)
        found = outcome_of(document, lambda condition: matches(condition, profile, now=now))
        return Verdict(name, tuple(_differences(_expectation(expected), found)))
    except ConditionError as error:
        return Verdict(name, (f"{error.path}: {error.reason}",))


def _profile(raw: object, wanted: Needs, now: datetime) -> Profile:
    said = mapping(raw, "customer")
    only(said, _PARTS, "customer")
    names = _Names()
    profile = Profile(0, {"allows_profiling": True})
    for part, value in said.items():
        _PARTS[part](profile, value, f"customer.{part}", names, now)
    profile.catalogue = names.catalogue(wanted)
    return profile


class _Names:
    """Ids for the categories, products and stores that the imaginary customer had to do with."""

    def __init__(self) -> None:
        self.categories: dict[str, int] = {}
        self.products: dict[str, int] = {}
        self.stores: dict[str, int] = {}
        self.events: dict[str, int] = {}

    def category(self, value: object, path: str) -> int:
        return self.categories.setdefault(fold(text(value, path)), len(self.categories) + 1)

    def product(self, value: object, path: str) -> int:
        return self.products.setdefault(text(value, path), len(self.products) + 1)

    def store(self, value: object, path: str) -> int:
        return self.stores.setdefault(fold(text(value, path)), len(self.stores) + 1)

    def catalogue(self, wanted: Needs) -> Catalogue:
        below = {
            name: frozenset(
                id for path, id in self.categories.items() if f"{path}/".startswith(f"{fold(name)}/")
            )
            for name in wanted.categories
        }
        same = {name: frozenset({self.products[name]}) for name in wanted.products & self.products.keys()}
        types = {name: frozenset({self.event(name)}) for name in wanted.event_names}
        stores = {
            name: frozenset({self.stores[fold(name)]}) for name in wanted.stores if fold(name) in self.stores
        }
        return Catalogue(below, same, types, stores)

    def event(self, name: str) -> int:
        """The type of the shop's own events of this name."""
        return self.events.setdefault(name_key(name), 1000 + len(self.events))


def _entries(raw: object, path: str) -> Iterator[tuple[str, Any, str]]:
    """Yield name, value and place of what an object holds."""
    for key, value in mapping(raw, path).items():
        place = join(path, str(key)[:50])
        yield text(key, place), value, place


def _attributes(profile: Profile, raw: object, path: str, names: _Names, now: datetime) -> None:
    for key, value, place in _entries(raw, path):
        if key.startswith(_OWN):
            profile.attributes[key.removeprefix(_OWN)] = _own(value, place)
        else:
            field = one_of(ATTRIBUTES, key, place, "attribute")
            profile.fields[field.path] = _value(field.kind, value, place, names, now)


def _own(value: object, path: str) -> Any:
    if value is None or isinstance(value, bool):
        return value
    return text(value, path) if isinstance(value, str) else number(value, path)


def _facts(profile: Profile, raw: object, path: str, names: _Names, now: datetime) -> None:
    for key, value, place in _entries(raw, path):
        field = one_of(FACTS, key, place, "fact")
        profile.fields[field.path] = _value(field.kind, value, place, names, now)


def _value(kind: Kind, value: object, path: str, names: _Names, now: datetime) -> Any:
    match kind:
        case _ if value is None:
            return None
        case Kind.COUNT:
            return whole(value, path)
        case Kind.TIME:
            return _moment(value, path, now)
        case Kind.DATE:
            return _day(value, path)
        case Kind.BOOLEAN:
            return _flag(value, path)
        case Kind.CATEGORY:
            return names.category(value, path)
        case Kind.PRODUCT:
            return names.product(value, path)
        case Kind.NUMBER:
            return number(value, path)
        case Kind.STORE:
            return names.store(value, path)
        case _:
            return text(value, path)


def _moment(value: object, path: str, now: datetime) -> datetime:
    return now - duration(value, path) if isinstance(value, dict) else instant(value, path)


def _day(value: object, path: str) -> date:
    return instant(value, path).date()


def _flag(value: object, path: str) -> bool:
    if not isinstance(value, bool):
        raise ConditionError(path, "expected true or false.")
    return value


def _events(profile: Profile, raw: object, path: str, names: _Names, now: datetime) -> None:
    for position, item in enumerate(_list(raw, path)):
        place = f"{path}[{position}]"
        said = mapping(item, place)
        only(said, (*_EVENT_PARTS, "event", "name", "ago", "at", "times"), place)
        type: int = one_of(EVENTS, said.get("event"), f"{place}.event", "event")
        if "name" in said and type == EventType.CUSTOM:
            type = names.event(text(said["name"], f"{place}.name"))
        at = now - duration(said["ago"], f"{place}.ago") if "ago" in said else now - _MOMENT
        if "at" in said:
            at = instant(said["at"], f"{place}.at")
        parts: dict[str, Any] = {}
        for key, (column, read) in _EVENT_PARTS.items():
            if key in said:
                parts[column] = read(names, said[key], f"{place}.{key}")
        times = whole(said.get("times", 1), f"{place}.times")
        if not 0 < times <= MOST_EVENTS:
            raise ConditionError(f"{place}.times", f"expected 1 to {MOST_EVENTS}.")
        profile.events.setdefault(type, []).extend([Occurrence(type, at, **parts)] * times)


_EVENT_PARTS: dict[str, tuple[str, Callable[[_Names, object, str], Any]]] = {
    "category": ("category_id", _Names.category),
    "product": ("product_id", _Names.product),
    "value": ("value_minor", lambda names, value, path: whole(value, path)),
    "quantity": ("quantity", lambda names, value, path: whole(value, path)),
    "currency": ("currency", lambda names, value, path: text(value, path)),
    "source": ("source", lambda names, value, path: text(value, path)),
    "properties": ("properties", lambda names, value, path: _properties(value, path)),
}


def _properties(raw: object, path: str) -> dict[str, Any]:
    return {key: _own(value, place) for key, value, place in _entries(raw, path)}


def _stage(profile: Profile, raw: object, path: str, names: _Names, now: datetime) -> None:
    profile.stage = text(raw, path)


def _segments(profile: Profile, raw: object, path: str, names: _Names, now: datetime) -> None:
    profile.segments.update(texts(_list(raw, path), path) if raw else ())


def _scores(profile: Profile, raw: object, path: str, names: _Names, now: datetime) -> None:
    for kind, value, place in _entries(raw, path):
        said = value if isinstance(value, dict) else {"value": value}
        only(said, ("value", "percentile"), place)
        profile.scores[kind] = (
            float(number(said.get("value", 0), f"{place}.value")),
            float(number(said.get("percentile", 50), f"{place}.percentile")),
        )


def _consents(profile: Profile, raw: object, path: str, names: _Names, now: datetime) -> None:
    purposes = {purpose: purpose for purpose in Consent.Purpose.values}
    for position, purpose in enumerate(_list(raw, path)):
        profile.consents.add(one_of(purposes, purpose, f"{path}[{position}]", "purpose"))


def _experiments(profile: Profile, raw: object, path: str, names: _Names, now: datetime) -> None:
    for key, variant, place in _entries(raw, path):
        profile.assignments[key] = text(variant, place)


def _list(raw: object, path: str) -> list[Any]:
    if not isinstance(raw, list) or len(raw) > MOST_EVENTS:
        raise ConditionError(path, f"expected a list of at most {MOST_EVENTS}.")
    return raw


_PARTS: dict[str, Callable[[Profile, object, str, _Names, datetime], None]] = {
    "attributes": _attributes,
    "facts": _facts,
    "events": _events,
    "segments": _segments,
    "stage": _stage,
    "scores": _scores,
    "consents": _consents,
    "experiments": _experiments,
}


def _expectation(raw: object) -> Mapping[str, Any]:
    """Return what is expected with recommendations parsed; at least one part."""
    said = mapping(raw, "expect")
    only(said, ("show", "recommend", "set", "exclude", "suppress", "fired"), "expect")
    if not said:
        raise ConditionError("expect", "names nothing; say at least what is shown.")
    expected = dict(said)
    if said.get("show") is not None:
        text(said["show"], "expect.show")
    if said.get("recommend") is not None:
        expected["recommend"] = recommendation_of(said["recommend"], "expect.recommend")
    for _, value, place in _entries(said.get("set", {}), "expect.set"):
        _own(value, place)
    if "exclude" in said:
        kinds = mapping(said["exclude"], "expect.exclude")
        only(kinds, ("products", "categories"), "expect.exclude")
        expected["exclude"] = {kind: texts(names, f"expect.exclude.{kind}") for kind, names in kinds.items()}
    if "suppress" in said:
        _flag(said["suppress"], "expect.suppress")
    if "fired" in said:
        expected["fired"] = tuple(
            text(name, f"expect.fired[{position}]")
            for position, name in enumerate(_list(said["fired"], "expect.fired"))
        )
    return expected


def _differences(expected: Mapping[str, Any], found: Outcome) -> Iterator[str]:
    for part in ("show", "recommend", "suppress"):
        if part in expected and expected[part] != getattr(found, part):
            yield _sentence(part, expected[part], getattr(found, part))
    for name, value in expected.get("set", {}).items():
        if not _same(value, found.settings.get(name)):
            yield _sentence(f"set {name}", value, found.settings.get(name))
    for kind, names in expected.get("exclude", {}).items():
        left_out = found.exclude_products if kind == "products" else found.exclude_categories
        if missing := [name for name in names if name not in left_out]:
            yield f"exclude {kind}: {', '.join(missing)} should be left out and is not."
    if "fired" in expected and expected["fired"] != found.fired:
        yield _sentence("fired", expected["fired"], found.fired)


def _same(one: object, other: object) -> bool:
    return one == other and isinstance(one, bool) is isinstance(other, bool)


def _sentence(part: str, expected: object, found: object) -> str:
    return f"{part}: expected {_shown(expected)}, the rules say {_shown(found)}."


def _shown(value: object) -> str:
    match value:
        case None:
            return "nothing"
        case bool():
            return "yes" if value else "no"
        case tuple():
            return ", ".join(f"“{one}”" for one in value) or "none"
        case str():
            return f"“{value}”"
        case Recommendation():
            return describe_recommendation(value)
    return str(value)
