"""The mapping file: what it may say, and where it is wrong."""

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import jsonschema
import yaml

from customers.models import Consent, EventType
from customers.profiles import COLUMNS, DATES
from customers.quality.expectations import EXPECTATIONS_SCHEMA

SHIPPED = Path(__file__).resolve().parent.parent / "mappings"
EVENTS = {type.name.lower(): int(type) for type in EventType}

_TEXT = {
    "oneOf": [
        {"type": ["string", "number", "boolean"]},
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["value"],
            "properties": {
                "value": {"type": "string"},
                "table": {"type": "string"},
                "default": {"type": "string"},
                "lower": {"type": "boolean"},
            },
        },
    ]
}
_NUMBER = {
    "oneOf": [
        {"type": ["string", "number"]},
        {
            "type": "object",
            "additionalProperties": False,
            "minProperties": 1,
            "properties": {
                "value": {"type": ["string", "number"]},
                "multiply": {"type": "array", "items": {"type": ["string", "number"]}, "minItems": 2},
                "negate": {"type": "boolean"},
                "absolute": {"type": "boolean"},
            },
            "oneOf": [{"required": ["value"]}, {"required": ["multiply"]}],
        },
    ]
}
_CONDITION = {
    "oneOf": [
        {
            "type": "object",
            "additionalProperties": False,
            "required": [name],
            "properties": {name: {"type": "array", "items": {"$ref": "#/$defs/condition"}, "minItems": 1}},
        }
        for name in ("all", "any")
    ]
    + [
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["not"],
            "properties": {"not": {"$ref": "#/$defs/condition"}},
        },
        {
            "type": "object",
            "additionalProperties": False,
            "required": ["column"],
            "minProperties": 2,
            "maxProperties": 2,
            "properties": {
                "column": {"type": "string"},
                "equals": {"type": "string"},
                "in": {"type": "array", "items": {"type": "string"}, "minItems": 1},
                "starts_with": {"type": "string"},
                "is_empty": {"type": "boolean"},
                "less_than": {"type": "number"},
                "greater_than": {"type": "number"},
            },
        },
    ]
}
_FIELDS: dict[str, Any] = {
    "event": {"enum": sorted(EVENTS)},
    **{key: {"$ref": "#/$defs/text"} for key in ("id", "line", "order", "refund", "description", "session")},
    **{key: {"$ref": "#/$defs/number"} for key in ("quantity", "value", "unit_price")},
    "product": {
        "type": ["object", "null"],
        "additionalProperties": False,
        "required": ["id"],
        "properties": {
            **{key: {"$ref": "#/$defs/text"} for key in ("id", "name", "category")},
            "price": {"$ref": "#/$defs/number"},
        },
    },
    "properties": {"type": "object", "additionalProperties": {"$ref": "#/$defs/text"}},
}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$defs": {"text": _TEXT, "number": _NUMBER, "condition": _CONDITION},
    "type": "object",
    "additionalProperties": False,
    "required": ["version", "source", "time", "customer", "kinds"],
    "properties": {
        "version": {"const": 1},
        "source": {"type": "string", "pattern": "^[a-z0-9_-]{1,50}$"},
        "description": {"type": "string"},
        "format": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "encoding": {"type": "string"},
                "delimiter": {"type": "string", "minLength": 1, "maxLength": 1},
            },
        },
        "http": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "records": {"type": "string", "description": "Where the list is, such as data.items"},
                "cursor_param": {"type": "string"},
                "next_cursor": {"type": "string", "description": "Where the answer says how to go on"},
                "has_more": {"type": "string"},
            },
        },
        "currency": {"$ref": "#/$defs/text"},
        "time": {
            "type": "object",
            "additionalProperties": False,
            "required": ["column"],
            "properties": {
                "column": {"type": "string"},
                "format": {"type": "string", "description": "iso (the default), unix, or as for strptime"},
                "zone": {"type": "string", "description": "For times that name no zone; required for those"},
            },
        },
        "customer": {
            "type": "object",
            "additionalProperties": False,
            "anyOf": [{"required": ["id"]}, {"required": ["email"]}],
            "properties": {
                "namespace": {"type": "string", "maxLength": 50},
                **{key: {"$ref": "#/$defs/text"} for key in ["id", "email", *COLUMNS, *DATES]},
                "attributes": {"type": "object", "additionalProperties": {"$ref": "#/$defs/text"}},
            },
        },
        "orders": {
            "type": "object",
            "additionalProperties": False,
            "required": ["namespace"],
            "properties": {
                "namespace": {"type": "string", "pattern": "^[a-z0-9_-]{1,50}$"},
                "rank": {"type": "integer", "minimum": 0, "maximum": 100},
            },
        },
        "consent": {
            "type": "object",
            "additionalProperties": False,
            "required": ["purpose", "proof"],
            "properties": {
                "purpose": {"enum": list(Consent.Purpose.values)},
                "proof": {"type": "string", "minLength": 10, "maxLength": 500},
            },
        },
        "tables": {
            "type": "object",
            "additionalProperties": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "occurrence": {
            "type": "object",
            "additionalProperties": False,
            "required": ["of"],
            "properties": {"of": {"type": "array", "items": {"type": "string"}, "minItems": 1}},
        },
        "expectations": EXPECTATIONS_SCHEMA,
        "fields": {"type": "object", "additionalProperties": False, "properties": _FIELDS},
        "kinds": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "additionalProperties": False,
                "oneOf": [{"required": ["reject"]}, {"required": ["event"]}],
                "properties": {
                    **_FIELDS,
                    "when": {"$ref": "#/$defs/condition"},
                    "reject": {"type": "string", "pattern": "^[a-z0-9_]{1,60}$"},
                },
            },
        },
    },
}
_VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)


class MappingError(ValueError):
    """The mapping is wrong; the message has a line for each place."""


def load_mapping(path: Path) -> dict[str, Any]:
    """Read and check a mapping file (YAML). Raises MappingError, or OSError where it cannot be read."""
    try:
        mapping = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise MappingError(f"{path} is not YAML: {error}") from error
    check_mapping(mapping)
    return dict(mapping)


def check_mapping(mapping: object) -> None:
    """Raise MappingError, naming every place that is wrong, unless the mapping can be used."""
    errors = sorted(_VALIDATOR.iter_errors(mapping), key=lambda error: list(map(str, error.absolute_path)))
    if errors:
        raise MappingError("\n".join(_told(error) for error in errors))
    if not isinstance(mapping, dict):
        raise MappingError("The mapping must be an object.")
    _check_meaning(mapping)


def _told(error: jsonschema.ValidationError) -> str:
    """The place and the reason; of alternatives, the one that came nearest."""
    nearest = jsonschema.exceptions.best_match([error]) or error
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in nearest.absolute_path)
    return f"{place.lstrip('.') or 'mapping'}: {nearest.message}"


def _check_meaning(mapping: dict[str, Any]) -> None:
    problems = []
    zone = mapping["time"].get("zone")
    try:
        ZoneInfo(zone or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        problems.append(f"time.zone: {zone!r} is not a known time zone")
    for place, table in _tables_used(mapping, ""):
        if table not in mapping.get("tables", {}):
            problems.append(f"{place}: there is no table {table!r}")
    for number, kind in enumerate(mapping["kinds"]):
        if "event" in kind and "id" not in {**mapping.get("fields", {}), **kind}:
            problems.append(f"kinds[{number}].id: an event needs an id that names it for ever")
    if problems:
        raise MappingError("\n".join(problems))


def _tables_used(node: object, place: str) -> list[tuple[str, str]]:
    if isinstance(node, dict):
        here = [(f"{place}.table", node["table"])] if isinstance(node.get("table"), str) else []
        return here + [
            use for key, value in node.items() for use in _tables_used(value, f"{place}.{key}".lstrip("."))
        ]
    if isinstance(node, list):
        return [use for number, value in enumerate(node) for use in _tables_used(value, f"{place}[{number}]")]
    return []
