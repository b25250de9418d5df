"""The sentences of the editor, each read from a form's texts and written to them."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from django.conf import settings

from common.money import exponent
from segments.conditions.vocabulary import ATTRIBUTES, FACTS, MEASURES, UNITS, Field, Kind

Node = dict[str, Any]
_PRESENCE = ("is_missing", "is_present")
_SPANS = ("within", "older_than")
_MOST_DIGITS = 18


def field_of(name: str) -> Field | None:
    """Return the field behind a choice such as `fact:orders_count`; own attributes are `attribute:attributes.x`."""
    source, _, key = name.partition(":")
    if source == "attribute" and key.startswith("attributes."):
        own = key.removeprefix("attributes.")
        return Field("custom", own, Kind.OPEN, "attributes", own)
    return {"attribute": ATTRIBUTES, "fact": FACTS}.get(source, {}).get(key)


def read_attribute(values: Mapping[str, str]) -> Node:
    """Return the comparison that a row says."""
    source, _, key = values.get("field", "").partition(":")
    if key == "attributes.":
        key += values.get("own", "").strip()
    op = values.get("op", "eq")
    node: Node = {source if source in ("attribute", "fact") else "attribute": key, "op": op}
    if op not in _PRESENCE:
        node["value"] = _value(field_of(f"{source}:{key}"), op, values)
    return node


def _value(field: Field | None, op: str, values: Mapping[str, str]) -> Any:
    written = values.get("value", "").strip()
    if op in ("in", "not_in"):
        return [part.strip() for part in written.split(",") if part.strip()]
    if op in _SPANS:
        return {values.get("unit", "days"): number(written)}
    if field is None:
        return written
    if field.kind is Kind.BOOLEAN:
        return written == "true"
    if field.is_money:
        return _minor(written)
    if field.kind in (Kind.COUNT, Kind.NUMBER) or (
        field.kind is Kind.OPEN and op in ("gt", "gte", "lt", "lte")
    ):
        return number(written)
    return written


def attribute_values(node: Node) -> dict[str, str]:
    """Return the texts of a comparison, for the row."""
    source = "attribute" if "attribute" in node else "fact"
    name, op, value = node[source], node.get("op", "eq"), node.get("value")
    texts = {"field": f"{source}:{name}", "op": op}
    if str(name).startswith("attributes."):
        texts |= {"field": "attribute:attributes.", "own": str(name).removeprefix("attributes.")}
    if isinstance(value, dict) and len(value) == 1:
        ((unit, amount),) = value.items()
        return texts | {"unit": unit, "value": str(amount)}
    if isinstance(value, list):
        return texts | {"value": ", ".join(map(str, value))}
    if isinstance(value, bool):
        return texts | {"value": "true" if value else "false"}
    field = field_of(f"{source}:{name}")
    if field is not None and field.is_money and isinstance(value, int):
        return texts | {"value": _major(value)}
    return texts if value is None else texts | {"value": str(value)}


def read_event(values: Mapping[str, str]) -> Node:
    """Return the event that a row says, without its "has not"."""
    node = _event_named(values.get("event", ""))
    op, times = values.get("op", "gte"), values.get("times", "")
    measure, _, of = values.get("measure", "").partition(":")
    if measure in MEASURES:
        node[measure] = {"of": of, op: _minor(times) if of == "value" else number(times)}
    elif (op, times.strip()) != ("gte", "1"):
        node["count"] = {op: number(times)}
    where: Node = {}
    if category := values.get("category", "").strip():
        where["category"] = category
    if worth := values.get("worth", "").strip():
        where["value"] = {values.get("worth_op", "gte"): _minor(worth)}
    if where:
        node["where"] = where
    if values.get("then") in ("followed_by", "not_followed_by"):
        node[values["then"]] = _event_named(values.get("follower", ""))
    if values.get("unit") in UNITS:
        node["within"] = {values["unit"]: number(values.get("amount", ""))}
    return node


def _event_named(choice: str) -> Node:
    """Return the event behind a choice: a type, or `custom:` and the name of an event of the shop's own."""
    kind, _, name = choice.partition(":")
    return {"event": kind, "name": name} if name else {"event": kind}


def _choice_of(event: Any) -> str:
    if not isinstance(event, dict):
        return str(event)
    return f"{event.get('event')}:{event['name']}" if "name" in event else str(event.get("event"))


def event_values(node: Node) -> dict[str, str]:
    """Return the texts of an event as far as a row can show them."""
    texts = {"event": _choice_of(node), "op": "gte", "times": "1", "unit": "", "amount": "30"}
    count = node.get("count")
    if isinstance(count, int):
        count = {"eq": count}
    if isinstance(count, dict) and len(count) == 1:
        ((texts["op"], times),) = count.items()
        texts["times"] = str(times)
    for measure in MEASURES:
        if measure in node:
            texts |= _total_values(measure, node[measure])
    where = node.get("where", {})
    if isinstance(where.get("category"), str):
        texts["category"] = where["category"]
    worth = where.get("value")
    if isinstance(worth, dict) and len(worth) == 1:
        ((texts["worth_op"], amount),) = worth.items()
        texts["worth"] = _major(amount) if isinstance(amount, int) else ""
    for then in ("followed_by", "not_followed_by"):
        if then in node:
            texts |= {"then": then, "follower": _choice_of(node[then])}
    within = node.get("within")
    if isinstance(within, dict) and len(within) == 1:
        ((texts["unit"], amount),) = within.items()
        texts["amount"] = str(amount)
    return texts


def _total_values(measure: str, total: Node) -> dict[str, str]:
    """Return the texts of a sum, an average or a count of different things, where it has one limit."""
    limits = {op: bound for op, bound in total.items() if op != "of"}
    if len(limits) != 1:
        return {}
    ((op, bound),) = limits.items()
    of = total.get("of")
    amount = _major(bound) if of == "value" and isinstance(bound, int) else str(bound)
    return {"measure": f"{measure}:{of}", "op": op, "times": amount}


def read_score(values: Mapping[str, str]) -> Node:
    """Return the comparison with a score that a row says, without its "is not"."""
    return {
        "score": values.get("score", ""),
        "op": values.get("op", ""),
        "value": number(values.get("value", "")),
    }


def score_values(node: Node) -> dict[str, str]:
    """Return the texts of a comparison with a score."""
    return {"score": str(node["score"]), "op": str(node.get("op")), "value": str(node.get("value"))}


def number(written: str) -> int | float | str:
    """Return the number that was typed, or the text, which the check then refuses with its place."""
    exact = _exact(written)
    if exact is None:
        return written
    return int(exact) if exact == exact.to_integral_value() else float(exact)


def _minor(written: str) -> int | str:
    exact = _exact(written)
    if exact is None:
        return written
    amount = exact.scaleb(exponent(settings.REPORTING_CURRENCY))
    return int(amount) if amount == amount.to_integral_value() else written


def _exact(written: str) -> Decimal | None:
    """The number as typed; None for what is none, and for one whose digits alone would fill the memory."""
    try:
        exact = Decimal(written.strip())
    except InvalidOperation:
        return None
    return exact if exact.is_finite() and abs(exact.adjusted()) <= _MOST_DIGITS else None


def _major(amount_minor: int) -> str:
    return f"{Decimal(amount_minor).scaleb(-exponent(settings.REPORTING_CURRENCY)):f}"
