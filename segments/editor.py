"""The editor as the template sees it: each row with its choices, and which kind of input its value takes."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from customers.models import Consent, EventType
from segments.conditions import ConditionError, describe, parse
from segments.conditions.vocabulary import ATTRIBUTES, FACTS, OPERATORS, Field, Kind
from segments.conditions.wording import EVENT_WORDS
from segments.drafting import MOST_DEPTH, ROOT, Group, Row, row_document
from segments.rows import field_of
from segments.score_kinds import stored_kinds

Choices = list[tuple[str, str]]
OWN = "attribute:attributes."
_OPS = {
    "eq": "is",
    "ne": "is not",
    "in": "is one of",
    "not_in": "is none of",
    "contains": "contains",
    "starts_with": "starts with",
    "gt": "is more than",
    "gte": "is at least",
    "lt": "is less than",
    "lte": "is at most",
    "within": "was within the last",
    "older_than": "was longer ago than",
    "before": "was before",
    "after": "was on or after",
    "is_missing": "is not known",
    "is_present": "is known",
}
_TIMES: Choices = [
    ("gte", "at least"),
    ("gt", "more than"),
    ("eq", "exactly"),
    ("lte", "at most"),
    ("lt", "less than"),
]
_MEASURES: Choices = [
    ("", "this often:"),
    ("sum:value", "worth together"),
    ("avg:value", "worth on average"),
    ("sum:quantity", "pieces together"),
    ("avg:quantity", "pieces on average"),
    ("distinct:days", "on different days:"),
    ("distinct:products", "different products:"),
    ("distinct:categories", "different categories:"),
]
_WORTH: Choices = [
    ("gte", "worth at least"),
    ("gt", "worth more than"),
    ("lte", "worth at most"),
    ("lt", "worth less than"),
]
_SCORES = {
    "ltv": "lifetime value",
    "churn": "risk of being lost",
    "propensity": "likelihood to order in 30 days",
    "propensity_7": "likelihood to order in 7 days",
    "propensity_90": "likelihood to order in 90 days",
    "email_response": "likelihood to click in a mail",
    "uplift": "effect of a mail",
    "engagement": "engagement",
}
_SCORE_OPS: Choices = [
    ("top_percent", "in the top … %"),
    ("bottom_percent", "in the bottom … %"),
    ("gte", "at least"),
    ("gt", "more than"),
    ("lte", "at most"),
    ("lt", "less than"),
]
_UNITS: Choices = [("minutes", "minutes"), ("hours", "hours"), ("days", "days"), ("weeks", "weeks")]
_THEN: Choices = [
    ("", "whatever came then"),
    ("followed_by", "and then"),
    ("not_followed_by", "and has not since"),
]
_PLACES = re.compile(r"\[(\d+)\]")


@dataclass(frozen=True, slots=True)
class ShownRow:
    """A row: `input` is text, number, span, date, truth or none."""

    prefix: str
    kind: str
    label: str
    values: dict[str, str]
    ops: Choices = field(default_factory=list)
    input: str = "text"
    hint: str = ""
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class ShownGroup:
    """A group with its rows; `may_nest` where another group may stand inside."""

    prefix: str
    match: str
    children: list["ShownRow | ShownGroup"]
    is_root: bool
    may_nest: bool
    kind: str = "group"

    @property
    def size(self) -> int:
        """How many rows the form holds."""
        return len(self.children)

    @property
    def joint(self) -> str:
        """The word between two rows."""
        return "or" if self.match == "any" else "and"


def shown(group: Group, *, prefix: str = ROOT, depth: int = 1) -> ShownGroup:
    """Return the draft for the template."""
    children: list[ShownRow | ShownGroup] = []
    for position, child in enumerate(group.children):
        place = f"{prefix}.{position}"
        if isinstance(child, Group):
            children.append(shown(child, prefix=place, depth=depth + 1))
        else:
            children.append(_row(child, place))
    return ShownGroup(prefix, group.match, children, depth == 1, depth < MOST_DEPTH)


def _row(row: Row, prefix: str) -> ShownRow:
    label = f"Condition {_position(prefix)}"
    if row.kind == "attribute":
        return _attribute(row, prefix, label)
    if row.kind == "event":
        return ShownRow(prefix, row.kind, label, row.values, hint=_unit(row.values.get("measure", "")))
    if row.kind == "score":
        return ShownRow(prefix, row.kind, label, row.values, _scores(row.values.get("score", "")))
    if row.kind == "other":
        return ShownRow(prefix, row.kind, label, row.values, sentence=_sentence(row))
    return ShownRow(prefix, row.kind, label, row.values)


def _scores(named: str) -> Choices:
    """Our predictions, then every other score that somebody has, and the one that is named."""
    others = {*stored_kinds(), named} - {*_SCORES, ""}
    return [*_SCORES.items(), *((kind, kind) for kind in sorted(others))]


def _attribute(row: Row, prefix: str, label: str) -> ShownRow:
    name = row.values.get("field", "")
    field = field_of(name + "x" if name == OWN else name) or ATTRIBUTES["country"]
    known = OPERATORS[field.kind]
    op = row.values.get("op", "")
    values = row.values if op in known else {**row.values, "op": known[0]}
    ops = [(op, _OPS[op]) for op in known]
    kind, hint = _input(field, values["op"])
    return ShownRow(prefix, row.kind, label, values, ops, kind, hint)


def _input(field: Field, op: str) -> tuple[str, str]:
    if op in ("is_missing", "is_present"):
        return "none", ""
    if op in ("within", "older_than"):
        return "span", ""
    if op in ("in", "not_in"):
        return "text", "separated by commas"
    if field.is_money:
        return "number", settings.REPORTING_CURRENCY
    simple = {
        Kind.COUNT: "number",
        Kind.NUMBER: "number",
        Kind.TIME: "date",
        Kind.DATE: "date",
        Kind.BOOLEAN: "truth",
    }
    hints = {
        Kind.CATEGORY: "path, such as camping/tents",
        Kind.PRODUCT: "the shop’s own product id",
        Kind.STORE: "name or id",
    }
    hint = "two letters, such as GB" if field.name == "country" else hints.get(field.kind, "")
    return simple.get(field.kind, "text"), hint


def _unit(measure: str) -> str:
    """What the number of an event's row counts."""
    of = measure.partition(":")[2]
    return {"": "times", "value": settings.REPORTING_CURRENCY, "quantity": "pieces"}.get(of, of)


def _sentence(row: Row) -> str:
    try:
        return describe(parse(row_document(row)), currency=settings.REPORTING_CURRENCY)
    except ConditionError as error:
        return f"cannot be read: {error.reason}"


def _position(prefix: str) -> str:
    return ".".join(str(int(step) + 1) for step in prefix.split(".")[1:])


def problem_in_words(error: ConditionError) -> str:
    """Return what is wrong, with the place as the editor numbers it: "Condition 2.1: expected a number"."""
    places = ".".join(str(int(step) + 1) for step in _PLACES.findall(error.path))
    return f"Condition {places}: {error.reason}" if places else str(error)


def choices(
    *,
    segments: Iterable[tuple[str, str]],
    stages: Iterable[tuple[str, str]] = (),
    own_events: Iterable[str] = (),
) -> dict[str, Any]:
    """Return the lists that all rows share."""
    return {
        "attribute_choices": [
            *((f"attribute:{name}", field.label.capitalize()) for name, field in ATTRIBUTES.items()),
            (OWN, "Own attribute …"),
        ],
        "fact_choices": [(f"fact:{name}", field.label.capitalize()) for name, field in FACTS.items()],
        "event_choices": [
            *((kind.name.lower(), _event_label(kind)) for kind in EventType),
            *((f"custom:{name}", f"done “{name}”") for name in own_events),
        ],
        "then_choices": _THEN,
        "times_choices": _TIMES,
        "unit_choices": _UNITS,
        "window_choices": [("", "ever"), *_UNITS],
        "measure_choices": _MEASURES,
        "worth_choices": _WORTH,
        "score_op_choices": _SCORE_OPS,
        "segment_choices": list(segments),
        "stage_choices": list(stages),
        "consent_choices": [(purpose.value, purpose.label.lower()) for purpose in Consent.Purpose],
    }


def _event_label(kind: EventType) -> str:
    verb, one, _ = EVENT_WORDS[kind]
    return f"{verb} {one}".strip()
