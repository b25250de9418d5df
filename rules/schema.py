"""The JSON Schema of a rule set's file, for editors and checks before a commit. The parser says more, and decides."""

from typing import Any

from rules.documents import LONGEST_NAME, MOST_RULES, RESERVED, STRATEGIES
from segments.conditions.schema import condition_schema
from segments.conditions.values import LARGEST_NUMBER, LONGEST_LIST, LONGEST_TEXT

_TEXT = {"type": "string", "minLength": 1, "maxLength": LONGEST_TEXT}
_TEXTS = {"anyOf": [_TEXT, {"type": "array", "items": _TEXT, "minItems": 1, "maxItems": LONGEST_LIST}]}
_PRICE = {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER}
_NAME = {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME}


def document_schema() -> dict[str, Any]:
    """Return the schema (draft 2020-12) of a file; `rules` and `otherwise` alone are a document."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A rule set of Regards",
        "type": "object",
        "required": ["rules", "otherwise"],
        "additionalProperties": False,
        "properties": {
            "key": {"type": "string", "pattern": "^[-a-zA-Z0-9_]{1,100}$"},
            "name": {"type": "string", "minLength": 1, "maxLength": 200},
            "slot": {"type": "string", "pattern": "^[-a-zA-Z0-9_]{1,50}$"},
            "needs_approval": {"type": "boolean"},
            "rules": {"type": "array", "maxItems": MOST_RULES, "items": {"$ref": "#/$defs/rule"}},
            "otherwise": {"allOf": [{"$ref": "#/$defs/actions"}, {"not": {"required": ["suppress"]}}]},
            "tests": {"type": "array", "items": {"$ref": "#/$defs/test"}},
        },
        "$defs": {
            **condition_schema()["$defs"],
            "rule": {
                "type": "object",
                "required": ["name", "when", "then"],
                "additionalProperties": False,
                "properties": {
                    "name": _NAME,
                    "when": {"$ref": "#/$defs/condition"},
                    "then": {"allOf": [{"$ref": "#/$defs/actions"}, {"minProperties": 1}]},
                },
            },
            "actions": _actions(),
            "test": _test(),
        },
    }


def _actions() -> dict[str, Any]:
    recommendation = {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "strategy": {"enum": list(STRATEGIES)},
            "categories": _TEXTS,
            "products": _TEXTS,
            "price_from": {**_PRICE, "description": "In minor units: 1999 for 19.99."},
            "price_to": {**_PRICE, "description": "In minor units; not below price_from."},
            "most_per_category": {"type": "integer", "minimum": 1, "maximum": LARGEST_NUMBER},
        },
    }
    number = {"type": "number", "minimum": -LARGEST_NUMBER, "maximum": LARGEST_NUMBER}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "show": {**_TEXT, "description": "The key of a block."},
            "recommend": {"anyOf": [{"enum": list(STRATEGIES)}, recommendation]},
            "set": {
                "type": "object",
                "propertyNames": {
                    "maxLength": LONGEST_NAME,
                    "pattern": r"^[^\W\d]\w*$",
                    "not": {"enum": list(RESERVED)},
                },
                "additionalProperties": {"anyOf": [_TEXT, number, {"type": "boolean"}]},
            },
            "exclude": {
                "type": "object",
                "additionalProperties": False,
                "properties": {"products": _TEXTS, "categories": _TEXTS},
            },
            "suppress": {"const": True},
        },
    }


def _test() -> dict[str, Any]:
    parts = ("attributes", "facts", "scores", "experiments")
    lists = ("events", "segments", "consents")
    expected = ("show", "recommend", "set", "exclude", "suppress", "fired")
    return {
        "type": "object",
        "required": ["name", "customer", "expect"],
        "additionalProperties": False,
        "properties": {
            "name": _NAME,
            "customer": {
                "type": "object",
                "additionalProperties": False,
                "properties": {
                    "stage": _TEXT,
                    **{part: {"type": "object"} for part in parts},
                    **{part: {"type": "array"} for part in lists},
                },
            },
            "expect": {
                "type": "object",
                "minProperties": 1,
                "additionalProperties": False,
                "properties": {part: {} for part in expected},
            },
        },
    }
