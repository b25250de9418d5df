"""The JSON Schema (draft 2020-12) of conditions, made of the same vocabulary as the parser.

A schema cannot say everything: how deep and how large a condition may be as a whole, that limits do not contradict
each other, that a date exists. There the parser says more, and decides.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from customers.models import Consent
from segments.conditions.parsing import MOST_STEPS
from segments.conditions.values import (
    DATE,
    LARGEST_NUMBER,
    LONGEST_LIST,
    LONGEST_TEXT,
    LONGEST_WINDOW,
    MOST_PROPERTIES,
    TIME,
)
from segments.conditions.vocabulary import (
    ATTRIBUTES,
    EVENTS,
    FACTS,
    MEASURES,
    OPERATORS,
    RANGES,
    SCORE_OPERATORS,
    UNITS,
    Field,
    Kind,
)

Schema = dict[str, Any]
_PRESENCE = ("is_missing", "is_present")
_LISTS = ("in", "not_in")


def _ref(name: str) -> Schema:
    return {"$ref": f"#/$defs/{name}"}


def _object(
    properties: Mapping[str, Any], *, required: Iterable[str] = (), least: int = 0, **more: Any
) -> Schema:
    built = {"type": "object", "properties": dict(properties), "additionalProperties": False, **more}
    if least:
        built["minProperties"] = least
    return built | {"required": list(required)} if required else built


def _ranges(number: Schema) -> Schema:
    return _object(dict.fromkeys(RANGES, number), least=1)


def condition_schema() -> Schema:
    """Return the schema of one condition, with all its parts under `$defs`."""
    parts = {"all": _all_of(), "any": _any_of(), "not": _object({"not": _ref("condition")}, required=["not"])}
    parts |= {"attribute": _attribute(), "fact": {"anyOf": _comparisons("fact", FACTS)}, "event": _event()}
    parts |= {
        "score": _score(),
        "segment": _object({"segment": _ref("text")}, required=["segment"]),
        "stage": _object({"stage": _ref("texts")}, required=["stage"]),
        "consent": _object({"consent": {"enum": list(Consent.Purpose.values)}}, required=["consent"]),
        "experiment": _object({"experiment": _ref("text"), "variant": _ref("text")}, required=["experiment"]),
    }
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A condition of Regards",
        **_ref("condition"),
        "$defs": {
            "condition": {"anyOf": [_ref(name) for name in parts]},
            **parts,
            **_values(),
            **_event_parts(),
        },
    }


def _all_of() -> Schema:
    return _object({"all": {"type": "array", "items": _ref("condition")}}, required=["all"])


def _any_of() -> Schema:
    parts = {"type": "array", "items": _ref("condition"), "minItems": 1}
    return _object({"any": parts}, required=["any"])


def _values() -> Schema:
    limits = {"minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER}
    longest = int(LONGEST_WINDOW.total_seconds()) // 60
    listed = {"type": "array", "items": _ref("text"), "minItems": 1, "maxItems": LONGEST_LIST}
    return {
        "text": {
            "type": "string",
            "minLength": 1,
            "maxLength": LONGEST_TEXT,
            "pattern": r"^[^\u0000]*$",
        },
        "list": listed,
        "texts": {"anyOf": [_ref("text"), _ref("list")]},
        "number": {"type": "number", **limits},
        "whole": {"type": "integer", **limits},
        "truth": {"type": "boolean"},
        "plain": {"anyOf": [_ref("text"), _ref("number"), _ref("truth")]},
        "span": _object(
            {unit: {"type": "integer", "minimum": 0, "maximum": longest} for unit in UNITS}, least=1
        ),
        "instant": {"type": "string", "pattern": f"^{TIME}$"},
        "date": {"type": "string", "pattern": f"^{DATE}$"},
    }


def _value_of(kind: Kind, op: str) -> str | None:
    """Return the name of the definition that a value has; None where there is no value."""
    if op in _PRESENCE:
        return None
    if op in _LISTS:
        return "list"
    if op in ("within", "older_than"):
        return "span"
    if kind is Kind.OPEN and op in ("eq", "ne"):
        return "plain"
    if kind is Kind.OPEN and op in RANGES:
        return "number"
    values = {
        Kind.COUNT: "whole",
        Kind.NUMBER: "number",
        Kind.TIME: "instant",
        Kind.DATE: "date",
        Kind.BOOLEAN: "truth",
    }
    return values.get(kind, "text")


def _comparison(source: str, name: Schema, kind: Kind) -> list[Schema]:
    """Return one schema for each kind of value that the operators take."""
    by_value: dict[str | None, list[str]] = {}
    for op in OPERATORS[kind]:
        by_value.setdefault(_value_of(kind, op), []).append(op)
    built = []
    for value, ops in by_value.items():
        properties = {source: name, "op": {"enum": ops}}
        required = [source] if "eq" in ops else [source, "op"]
        if value is not None:
            properties["value"] = _ref(value)
            required.append("value")
        built.append(_object(properties, required=required))
    return built


def _comparisons(source: str, fields: Mapping[str, Field]) -> list[Schema]:
    names: dict[Kind, list[str]] = {}
    for field in fields.values():
        names.setdefault(field.kind, []).append(field.name)
    return [part for kind, known in names.items() for part in _comparison(source, {"enum": known}, kind)]


def _attribute() -> Schema:
    own = {"allOf": [_ref("text"), {"pattern": r"^attributes\.[\s\S]"}]}
    return {"anyOf": [*_comparisons("attribute", ATTRIBUTES), *_comparison("attribute", own, Kind.OPEN)]}


def _score() -> Schema:
    percent = {"type": "number", "exclusiveMinimum": 0, "maximum": 100}
    shapes = []
    for ends_in, value in ((True, percent), (False, _ref("number"))):
        ops = [op for op in SCORE_OPERATORS if op.endswith("percent") is ends_in]
        properties = {"score": _ref("text"), "op": {"enum": ops}, "value": value}
        shapes.append(_object(properties, required=["score", "op", "value"]))
    return {"anyOf": shapes}


def _event() -> Schema:
    alone = ("count", *MEASURES)
    properties = {
        **_step_properties(1),
        "before": {"anyOf": [_ref("span"), _ref("instant")]},
        "between": {"type": "array", "items": _ref("instant"), "minItems": 2, "maxItems": 2},
        "count": _ref("count"),
        "only": {"enum": ["first", "last"]},
        **{measure: _ref(measure) for measure in MEASURES},
    }
    return _object(
        properties,
        required=["event"],
        **_named(),
        dependentSchemas={"between": _without("within", "before"), "only": _without(*alone)},
    )


def _without(*keys: str) -> Schema:
    return {"not": {"anyOf": [{"required": [key]} for key in keys]}}


def _named() -> Schema:
    return {"if": {"required": ["name"]}, "then": {"properties": {"event": {"const": "custom"}}}}


def _step_properties(depth: int) -> Schema:
    name = {"allOf": [_ref("text"), {"pattern": r"[^\s_-]"}]}
    follower = _ref(f"follower_{depth}")
    known = {"event": {"enum": list(EVENTS)}, "name": name, "where": _ref("where"), "within": _ref("span")}
    return {**known, "followed_by": follower, "not_followed_by": follower}


def _event_parts() -> Schema:
    """Return what events are made of. The events that follow one another are spelled out, as deep as they go."""
    followers: Schema = {}
    for depth in range(1, MOST_STEPS + 1):
        step = _object(_step_properties(depth + 1), required=["event"], **_named())
        followers[f"follower_{depth}"] = {"anyOf": [{"enum": list(EVENTS)}, step]}
    followers[f"follower_{MOST_STEPS + 1}"] = {"enum": list(EVENTS)}
    count = {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER}
    totals = {
        measure: _object(
            {"of": {"enum": list(of)}, **dict.fromkeys(RANGES, _total_bound(measure, count))},
            required=["of"],
            least=2,
        )
        for measure, of in MEASURES.items()
    }
    return {"count": {"anyOf": [count, _ranges(count)]}, **totals, "where": _where(), **followers}


def _total_bound(measure: str, count: Schema) -> Schema:
    return {"sum": _ref("whole"), "avg": _ref("number"), "distinct": count}[measure]


def _where() -> Schema:
    amount = {"anyOf": [_ref("whole"), _ranges(_ref("whole"))]}
    one = {op: _ref(_value_of(Kind.OPEN, op) or "") for op in OPERATORS[Kind.OPEN] if op not in _PRESENCE}
    tests = _object({**one, **{op: {"const": True} for op in _PRESENCE}}, least=1)
    return _object(
        {
            "category": _ref("texts"),
            "product": _ref("texts"),
            "value": amount,
            "quantity": amount,
            "currency": _ref("text"),
            "source": _ref("text"),
            "properties": {
                "type": "object",
                "propertyNames": _ref("text"),
                "additionalProperties": {"anyOf": [_ref("plain"), _ref("list"), tests]},
                "maxProperties": MOST_PROPERTIES,
            },
        }
    )
