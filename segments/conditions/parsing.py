"""From JSON to parts: what is unknown, oversized or of the wrong type is refused with its place."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from customers.models import Consent, EventType
from customers.models.tracking import name_key
from segments.conditions import values
from segments.conditions.nodes import (
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
    Step,
    Total,
    Where,
    steps,
)
from segments.conditions.values import ConditionError
from segments.conditions.vocabulary import (
    ATTRIBUTES,
    EVENTS,
    FACTS,
    MEASURES,
    OPERATORS,
    SCORE_OPERATORS,
    Field,
    event_property,
    own_attribute,
)

MOST_NODES = 200
MOST_DEPTH = 10
MOST_STEPS = 5
_STEP_KEYS = ("event", "name", "where", "within", "followed_by", "not_followed_by")
_EVENT_KEYS = (*_STEP_KEYS, "before", "between", "count", "only", *MEASURES)
_WHERE_KEYS = ("category", "product", "value", "quantity", "currency", "source", "properties")
_CUSTOM = "attributes."

__all__ = ["ConditionError", "parse"]


@dataclass(slots=True)
class _Budget:
    nodes: int = MOST_NODES

    def spend(self, parts: int, path: str) -> None:
        """Take off so many parts; events that follow others count too."""
        self.nodes -= parts
        if self.nodes < 0:
            raise ConditionError(path, f"a condition may have at most {MOST_NODES} parts.")


def parse(document: object, *, path: str = "") -> Condition:
    """Return the checked parts of a condition; `path` is put before the places that errors name.

    Raises ConditionError, whose message begins with the place, such as `all[1].event.where.value`.
    """
    return _node(document, path, 1, _Budget())


def _node(document: object, path: str, depth: int, budget: _Budget) -> Condition:
    node = values.mapping(document, path)
    budget.spend(1, path)
    if depth > MOST_DEPTH:
        raise ConditionError(path, f"groups may be nested at most {MOST_DEPTH} deep.")
    shapes = [shape for shape in (*_GROUPS, *_LEAVES) if shape in node]
    if len(shapes) != 1:
        known = ", ".join((*_GROUPS, *_LEAVES))
        found = " and ".join(shapes) or ", ".join(sorted(str(key)[:50] for key in node)[:5]) or "nothing"
        raise ConditionError(path, f"expected exactly one of {known}; found {found}.")
    shape = shapes[0]
    here = values.join(path, shape)
    if shape in _GROUPS:
        values.only(node, (shape,), path)
        return _GROUPS[shape](node[shape], here, depth, budget)
    leaf = _LEAVES[shape](node, here)
    if isinstance(leaf, Happened):
        budget.spend(sum(1 for _ in steps(leaf)) - 1, path)
    return leaf


def _parts(document: object, path: str, depth: int, budget: _Budget) -> Iterator[Condition]:
    if not isinstance(document, list):
        raise ConditionError(path, "expected a list of conditions.")
    for position, part in enumerate(document):
        yield _node(part, f"{path}[{position}]", depth + 1, budget)


def _all(document: object, path: str, depth: int, budget: _Budget) -> Condition:
    return AllOf(tuple(_parts(document, path, depth, budget)))


def _any(document: object, path: str, depth: int, budget: _Budget) -> Condition:
    parts = tuple(_parts(document, path, depth, budget))
    if not parts:
        raise ConditionError(path, "nobody can fit one of no conditions; add one.")
    return AnyOf(parts)


def _not(document: object, path: str, depth: int, budget: _Budget) -> Condition:
    return Not(_node(document, path, depth + 1, budget))


def _attribute(node: dict[str, Any], path: str) -> Condition:
    name = values.text(node["attribute"], path)
    if name.startswith(_CUSTOM) and len(name) > len(_CUSTOM):
        return _comparison(node, path, "attribute", own_attribute(name.removeprefix(_CUSTOM)))
    return _comparison(node, path, "attribute", values.one_of(ATTRIBUTES, name, path, "attribute"))


def _fact(node: dict[str, Any], path: str) -> Condition:
    return _comparison(node, path, "fact", values.one_of(FACTS, node["fact"], path, "fact"))


def _comparison(node: dict[str, Any], path: str, shape: str, field: Field) -> Condition:
    place = path.removesuffix(shape).removesuffix(".")
    values.only(node, (shape, "op", "value"), place)
    op = node.get("op", "eq")
    if not isinstance(op, str) or op not in OPERATORS[field.kind]:
        known = ", ".join(OPERATORS[field.kind])
        raise ConditionError(
            f"{path}.op", f"{field.label} can be compared by {known}, not by {values.shown(op)}."
        )
    if op in ("is_missing", "is_present"):
        if "value" in node:
            raise ConditionError(f"{path}.value", f"{op} takes no value.")
        return Comparison(field, op, None)
    if "value" not in node:
        raise ConditionError(f"{path}.value", "is missing.")
    return Comparison(field, op, values.operand(field.kind, op, node["value"], f"{path}.value"))


def _event(node: dict[str, Any], path: str) -> Condition:
    place = path.removesuffix("event").removesuffix(".")
    values.only(node, _EVENT_KEYS, place)
    totals = tuple(
        _total(measure, node[measure], f"{path}.{measure}") for measure in MEASURES if measure in node
    )
    least, most = (0, None) if totals else (1, None)
    if "count" in node:
        least, most = values.count_bounds(node["count"], f"{path}.count")
    type, name = _kind(node, path)
    return Happened(
        type=type,
        name=name,
        where=_where(node.get("where", {}), f"{path}.where"),
        least=least,
        most=most,
        totals=totals,
        pick=_pick(node, path),
        followed_by=_follower(node, "followed_by", path, 1),
        not_followed_by=_follower(node, "not_followed_by", path, 1),
        **_window(node, path),
    )


def _kind(node: dict[str, Any], path: str) -> tuple[EventType, str | None]:
    type = values.one_of(EVENTS, node["event"], path, "event")
    if "name" not in node:
        return type, None
    if type is not EventType.CUSTOM:
        raise ConditionError(f"{path}.name", 'only {"event": "custom"} has a name.')
    name = values.text(node["name"], f"{path}.name")
    if not name_key(name):
        raise ConditionError(f"{path}.name", "the name of an event has letters or digits.")
    return type, name


def _window(node: dict[str, Any], path: str) -> dict[str, Any]:
    """Return the limits of time; an interval leaves no room for others."""
    if "between" in node:
        if "within" in node or "before" in node:
            raise ConditionError(path, "give either between, or within and before, not both.")
        since, until = values.interval(node["between"], f"{path}.between")
        return {"since": since, "until": until}
    within = values.duration(node["within"], f"{path}.within") if "within" in node else None
    if "before" not in node:
        return {"within": within}
    if isinstance(node["before"], str):
        return {"within": within, "until": values.instant(node["before"], f"{path}.before")}
    before = values.duration(node["before"], f"{path}.before")
    if within is not None and before >= within:
        raise ConditionError(
            f"{path}.before", "nothing lies between before and within; within has to be longer."
        )
    return {"within": within, "before": before}


def _total(measure: str, document: object, path: str) -> Total:
    given = dict(values.mapping(document, path))
    known = MEASURES[measure]
    of = given.pop("of", None)
    column = values.one_of(known, of, f"{path}.of", "measure")
    read = values.number if measure == "avg" else values.whole
    total = Total(measure, column, values.bounds(given, path, read=read))
    if measure == "distinct":
        values.count_bounds(given, path)
    return total


def _pick(node: dict[str, Any], path: str) -> str | None:
    if "only" not in node:
        return None
    if others := sorted(node.keys() & {"count", *MEASURES}):
        raise ConditionError(f"{path}.only", f"one event has no {others[0]}.")
    return values.one_of({"first": "first", "last": "last"}, node["only"], f"{path}.only", "choice")


def _follower(node: dict[str, Any], key: str, path: str, depth: int) -> Step | None:
    """Return the event that has (not) to follow: its name alone, or an object with its own filters."""
    if key not in node:
        return None
    given, here = node[key], f"{path}.{key}"
    if not isinstance(given, dict):
        return Step(values.one_of(EVENTS, given, here, "event"))
    if depth > MOST_STEPS:
        raise ConditionError(here, f"at most {MOST_STEPS} events follow one another.")
    values.only(given, _STEP_KEYS, here)
    type, name = _kind(given if "event" in given else {**given, "event": None}, f"{here}.event")
    return Step(
        type=type,
        name=name,
        where=_where(given.get("where", {}), f"{here}.where"),
        within=values.duration(given["within"], f"{here}.within") if "within" in given else None,
        followed_by=_follower(given, "followed_by", here, depth + 1),
        not_followed_by=_follower(given, "not_followed_by", here, depth + 1),
    )


def _where(document: object, path: str) -> Where:
    where = values.mapping(document, path)
    values.only(where, _WHERE_KEYS, path)

    def texts(key: str) -> tuple[str, ...] | None:
        return values.texts(where[key], f"{path}.{key}") if key in where else None

    def one(key: str) -> str | None:
        return values.text(where[key], f"{path}.{key}") if key in where else None

    return Where(
        categories=texts("category"),
        products=texts("product"),
        value_minor=values.ranges(where["value"], f"{path}.value") if "value" in where else (),
        quantity=values.ranges(where["quantity"], f"{path}.quantity") if "quantity" in where else (),
        currency=one("currency"),
        source=one("source"),
        properties=_properties(where.get("properties", {}), f"{path}.properties"),
    )


def _properties(document: object, path: str) -> tuple[Comparison, ...]:
    given = values.mapping(document, path)
    if len(given) > values.MOST_PROPERTIES:
        raise ConditionError(path, f"an event is compared by at most {values.MOST_PROPERTIES} properties.")
    return tuple(
        Comparison(event_property(values.text(name, path)), op, value)
        for name, tests in given.items()
        for op, value in values.property_tests(tests, f"{path}.{str(name)[:50]}")
    )


def _score(node: dict[str, Any], path: str) -> Condition:
    values.only(node, ("score", "op", "value"), path.removesuffix("score").removesuffix("."))
    op = node.get("op")
    if op not in SCORE_OPERATORS:
        raise ConditionError(
            f"{path}.op", f"expected one of {', '.join(SCORE_OPERATORS)}; found {values.shown(op)}."
        )
    number = float(values.number(node.get("value"), f"{path}.value"))
    if op.endswith("percent") and not 0 < number <= 100:
        raise ConditionError(f"{path}.value", "a percentage lies above 0 and not above 100.")
    return Scored(values.text(node["score"], path), op, number)


def _segment(node: dict[str, Any], path: str) -> Condition:
    values.only(node, ("segment",), path.removesuffix("segment").removesuffix("."))
    return InSegment(values.text(node["segment"], path))


def _stage(node: dict[str, Any], path: str) -> Condition:
    values.only(node, ("stage",), path.removesuffix("stage").removesuffix("."))
    return InStage(values.texts(node["stage"], path))


def _consent(node: dict[str, Any], path: str) -> Condition:
    values.only(node, ("consent",), path.removesuffix("consent").removesuffix("."))
    purposes = {purpose: purpose for purpose in Consent.Purpose.values}
    return Consented(values.one_of(purposes, node["consent"], path, "purpose"))


def _experiment(node: dict[str, Any], path: str) -> Condition:
    values.only(node, ("experiment", "variant"), path.removesuffix("experiment").removesuffix("."))
    variant = values.text(node["variant"], f"{path}.variant") if "variant" in node else None
    return Assigned(values.text(node["experiment"], path), variant)


_GROUPS: dict[str, Callable[[object, str, int, _Budget], Condition]] = {
    "all": _all,
    "any": _any,
    "not": _not,
}
_LEAVES: dict[str, Callable[[dict[str, Any], str], Condition]] = {
    "attribute": _attribute,
    "fact": _fact,
    "event": _event,
    "score": _score,
    "segment": _segment,
    "stage": _stage,
    "consent": _consent,
    "experiment": _experiment,
}
