"""A condition as rows of a form, and back: what the editor shows while a segment is being built.

A draft may be incomplete: values stay the texts that were typed, and become a condition (or a refusal) by
`document_of` and `conditions.parse`. What the rows cannot show is carried along as a sentence.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from segments.conditions import ConditionError, parse
from segments.rows import (
    Node,
    attribute_values,
    event_values,
    read_attribute,
    read_event,
    read_score,
    score_values,
)

MOST_ROWS = 50
MOST_DEPTH = 4
ROOT = "c"
NAMED = ("segment", "stage", "consent")
"""Sentences that name one thing: which segment, which stage, which purpose."""
KINDS = ("attribute", "event", "score", *NAMED)
_DIGITS = 4


@dataclass(slots=True)
class Row:
    """One sentence of the editor. `kind` is one of KINDS, or other (carried as JSON)."""

    kind: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(slots=True)
class Group:
    """Rows of which all or any must hold."""

    match: str = "all"
    children: list["Row | Group"] = field(default_factory=list)


def draft_of(document: Any) -> Group:
    """Return the draft of a condition that has been checked."""
    return _group(document, 1) if _fits_a_group(document) else Group("all", [_row(document)])


def _fits_a_group(document: Any) -> bool:
    """Whether it is a group, of no more rows than a form holds."""
    parts = document.get("all", document.get("any")) if isinstance(document, dict) else None
    return isinstance(parts, list) and len(parts) <= MOST_ROWS


def _group(document: Node, depth: int) -> Group:
    match = "any" if "any" in document else "all"
    return Group(match, [_child(child, depth) for child in document[match]])


def _child(document: Node, depth: int) -> Row | Group:
    if _fits_a_group(document) and depth < MOST_DEPTH:
        return _group(document, depth + 1)
    return _row(document)


def _row(document: Node) -> Row:
    """Return the row that says the same, found by writing it and reading it back."""
    inner = document.get("not", document)
    has = "no" if "not" in document else "yes"
    found = Row("other")
    if isinstance(inner, dict):
        if "event" in inner:
            found = Row("event", {"has": has, **event_values(inner)})
        elif "score" in inner:
            found = Row("score", {"has": has, **score_values(inner)})
        elif named := [kind for kind in NAMED if isinstance(inner.get(kind), str)]:
            found = Row(named[0], {"has": has, named[0]: inner[named[0]]})
        elif "attribute" in document or "fact" in document:
            found = Row("attribute", attribute_values(document))
    if found.kind != "other" and _means_the_same(found, document):
        return found
    return Row("other", {"json": json.dumps(document)})


def _means_the_same(row: Row, document: Node) -> bool:
    try:
        return parse(row_document(row)) == parse(document)
    except ConditionError:
        return False


def row_document(row: Row) -> Node:
    """Return the row's condition as JSON, checked by nobody yet."""
    match row.kind:
        case "attribute":
            return read_attribute(row.values)
        case "event":
            leaf = read_event(row.values)
        case "score":
            leaf = read_score(row.values)
        case kind if kind in NAMED:
            leaf = {kind: row.values.get(kind, "")}
        case _:
            return _loaded(row.values.get("json", ""))
    return {"not": leaf} if row.values.get("has") == "no" else leaf


def _loaded(written: str) -> Node:
    try:
        loaded = json.loads(written)
    except (ValueError, RecursionError):
        return {}
    return loaded if isinstance(loaded, dict) else {}


def document_of(group: Group) -> Node:
    """Return the draft as JSON, checked by nobody yet."""
    return {
        group.match: [
            document_of(child) if isinstance(child, Group) else row_document(child)
            for child in group.children
        ]
    }


def read(posted: Mapping[str, str]) -> Group:
    """Return the draft that a form holds."""
    return _read_group(posted, ROOT, 1)


def _read_group(posted: Mapping[str, str], prefix: str, depth: int) -> Group:
    size = posted.get(f"{prefix}.size", "0")[:_DIGITS]
    group = Group("any" if posted.get(f"{prefix}.match") == "any" else "all")
    for position in range(min(int(size) if size.isdecimal() else 0, MOST_ROWS)):
        place = f"{prefix}.{position}"
        kind = posted.get(f"{place}.kind", "")
        if kind == "group" and depth < MOST_DEPTH:
            group.children.append(_read_group(posted, place, depth + 1))
        elif kind in (*KINDS, "other"):
            start = len(place) + 1
            values = {
                name[start:]: value
                for name, value in posted.items()
                if name.startswith(f"{place}.") and "." not in name[start:]
            }
            values.pop("kind")
            group.children.append(Row(kind, values))
    return group


def change(group: Group, act: str) -> None:
    """Add or remove what a button says: `add-event:c.1` to that group, `remove:c.0.2` that row."""
    verb, _, place = act.partition(":")
    path = [int(step[:_DIGITS]) for step in place.split(".")[1:] if step[:_DIGITS].isdecimal()]
    owner = _find(group, path[:-1] if verb == "remove" else path)
    if owner is None:
        return
    if verb == "remove":
        if path and path[-1] < len(owner.children):
            del owner.children[path[-1]]
    elif len(owner.children) >= MOST_ROWS:
        return
    elif verb == "add-group" and len(path) < MOST_DEPTH - 1:
        owner.children.append(Group("any", [_new("attribute")]))
    elif verb.removeprefix("add-") in KINDS:
        owner.children.append(_new(verb.removeprefix("add-")))


def _find(group: Group, path: list[int]) -> Group | None:
    for step in path:
        child = group.children[step] if step < len(group.children) else None
        if not isinstance(child, Group):
            return None
        group = child
    return group


def _new(kind: str) -> Row:
    defaults = {
        "attribute": {"field": "attribute:country", "op": "eq", "value": ""},
        "event": {
            "has": "yes",
            "event": "order_placed",
            "op": "gte",
            "times": "1",
            "amount": "30",
            "unit": "days",
        },
        "score": {"has": "yes", "score": "ltv", "op": "top_percent", "value": "20"},
        **{kind: {"has": "yes", kind: ""} for kind in NAMED},
    }
    return Row(kind, defaults[kind])


def own_events(group: Group) -> set[str]:
    """Return the names of the shop's own events that the rows mention."""
    names: set[str] = set()
    for child in group.children:
        if isinstance(child, Group):
            names |= own_events(child)
            continue
        for choice in (child.values.get("event", ""), child.values.get("follower", "")):
            if choice.startswith("custom:"):
                names.add(choice.removeprefix("custom:"))
    return names


def new_draft() -> Group:
    """Return what an empty editor begins with."""
    return Group("all", [_new("attribute")])
