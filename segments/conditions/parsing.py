"""From JSON to parts: what is unknown, oversized or of the wrong type is refused with its place."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from customers.models import Consent
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
    Not,
    Scored,
    Where,
)
from segments.conditions.values import ConditionError
from segments.conditions.vocabulary import ATTRIBUTES, EVENTS, FACTS, OPERATORS, SCORE_OPERATORS, Field, Kind

MOST_NODES = 200
MOST_DEPTH = 10
_CUSTOM = "attributes."

__all__ = ["ConditionError", "parse"]


@dataclass(slots=True)
class _Budget:
    nodes: int = MOST_NODES


def parse(document: object, *, path: str = "") -> Condition:
    """Return the checked parts of a condition; `path` is put before the places that errors name.

    Raises ConditionError, whose message begins with the place, such as `all[1].event.where.value`.
    """
    return _node(document, path, 1, _Budget())


def _node(document: object, path: str, depth: int, budget: _Budget) -> Condition:
    node = values.mapping(document, path)
    budget.nodes -= 1
    if budget.nodes < 0:
        raise ConditionError(path, f"a condition may have at most {MOST_NODES} parts.")
    if depth > MOST_DEPTH:
        raise ConditionError(path, f"groups may be nested at most {MOST_DEPTH} deep.")
    shapes = [shape for shape in (*_GROUPS, *_LEAVES) if shape in node]
    if len(shapes) != 1:
        known = ", ".join((*_GROUPS, *_LEAVES))
        found = " and ".join(shapes) or ", ".join(sorted(map(str, node))[:5]) or "nothing"
        raise ConditionError(path, f"expected exactly one of {known}; found {found}.")
    shape = shapes[0]
    here = values.join(path, shape)
    if shape in _GROUPS:
        values.only(node, (shape,), path)
        return _GROUPS[shape](node[shape], here, depth, budget)
    return _LEAVES[shape](node, here)


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
        key = name.removeprefix(_CUSTOM)
        return _comparison(node, path, "attribute", Field("custom", key, Kind.OPEN, "attributes", key))
    return _comparison(node, path, "attribute", values.one_of(ATTRIBUTES, name, path, "attribute"))


def _fact(node: dict[str, Any], path: str) -> Condition:
    return _comparison(node, path, "fact", values.one_of(FACTS, node["fact"], path, "fact"))


def _comparison(node: dict[str, Any], path: str, shape: str, field: Field) -> Condition:
    place = path.removesuffix(shape).removesuffix(".")
    values.only(node, (shape, "op", "value"), place)
    op = node.get("op", "eq")
    if not isinstance(op, str) or op not in OPERATORS[field.kind]:
        known = ", ".join(OPERATORS[field.kind])
        raise ConditionError(f"{path}.op", f"{field.label} can be compared by {known}, not by {op!r}.")
    if op in ("is_missing", "is_present"):
        if "value" in node:
            raise ConditionError(f"{path}.value", f"{op} takes no value.")
        return Comparison(field, op, None)
    if "value" not in node:
        raise ConditionError(f"{path}.value", "is missing.")
    return Comparison(field, op, values.operand(field.kind, op, node["value"], f"{path}.value"))


def _event(node: dict[str, Any], path: str) -> Condition:
    place = path.removesuffix("event").removesuffix(".")
    values.only(node, ("event", "where", "count", "within", "between", "not_followed_by"), place)
    if "within" in node and "between" in node:
        raise ConditionError(path, "give either within or between, not both.")
    least, most = values.count_bounds(node.get("count", {"gte": 1}), f"{path}.count")
    since, until = values.interval(node["between"], f"{path}.between") if "between" in node else (None, None)
    follower = node.get("not_followed_by")
    return Happened(
        type=values.one_of(EVENTS, node["event"], path, "event"),
        where=_where(node.get("where", {}), f"{path}.where"),
        least=least,
        most=most,
        within=values.duration(node["within"], f"{path}.within") if "within" in node else None,
        since=since,
        until=until,
        not_followed_by=follower and values.one_of(EVENTS, follower, f"{path}.not_followed_by", "event"),
    )


def _where(document: object, path: str) -> Where:
    where = values.mapping(document, path)
    values.only(where, ("category", "product", "value", "quantity", "currency", "source"), path)

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
    )


def _score(node: dict[str, Any], path: str) -> Condition:
    values.only(node, ("score", "op", "value"), path.removesuffix("score").removesuffix("."))
    op = node.get("op")
    if op not in SCORE_OPERATORS:
        raise ConditionError(f"{path}.op", f"expected one of {', '.join(SCORE_OPERATORS)}; found {op!r}.")
    number = float(values.number(node.get("value"), f"{path}.value"))
    if op.endswith("percent") and not 0 < number <= 100:
        raise ConditionError(f"{path}.value", "a percentage lies above 0 and not above 100.")
    return Scored(values.text(node["score"], path), op, number)


def _segment(node: dict[str, Any], path: str) -> Condition:
    values.only(node, ("segment",), path.removesuffix("segment").removesuffix("."))
    return InSegment(values.text(node["segment"], path))


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
    "consent": _consent,
    "experiment": _experiment,
}
