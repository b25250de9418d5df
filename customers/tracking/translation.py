"""What an item of a tracker becomes: events, and what it says about who somebody is."""

import hashlib
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from customers.events_in import EventIn, moment_problem, times_taken
from customers.identity import ANONYMOUS, Person, Told
from customers.models import EventType
from customers.tracking.commerce import (
    amount_of,
    currency_of,
    minor,
    product_of,
    text,
    whole,
    without_columns,
)
from customers.tracking.protocol import Item, id_text, occurred_at
from customers.tracking.refusals import BadItem
from customers.tracking.traits import email_of, group_attributes, profile_of

GROUP_EVENT = "Group Joined"
MOST_PRODUCTS = 500
_LONGEST_LINE = 64
_PAGE, _ORDER, _LINE, _REFUND, _CUSTOM = (
    int(EventType.PAGE_VIEWED),
    int(EventType.ORDER_PLACED),
    int(EventType.ORDER_LINE),
    int(EventType.ORDER_REFUNDED),
    int(EventType.CUSTOM),
)
_OF_PRODUCTS = (int(EventType.PRODUCT_VIEWED), int(EventType.PRODUCT_ADDED), int(EventType.CART_UPDATED))
_NAMED_BY_TYPE = (int(EventType.PRODUCT_VIEWED), int(EventType.PRODUCT_ADDED), _ORDER, _REFUND)


class Saying(msgspec.Struct, kw_only=True):
    """What an item says: events, or something about a person, or that `previous` and `user` are one person."""

    events: list[EventIn] = msgspec.field(default_factory=list)
    told: Told | None = None
    previous: str = ""
    user: str = ""


def event_name(item: Item) -> str:
    """Return the name under which an item's type is looked up; empty where none is needed. Raises BadItem."""
    if item.type == "group":
        return GROUP_EVENT
    if item.type != "track":
        return ""
    name = item.event.strip() if item.event else ""
    if not name:
        raise BadItem("event", "blank_name")
    return name


class Translator:
    """Turns the items of one request into events of `source`; `types` are the event types by name."""

    def __init__(
        self, *, source: str, received_at: datetime, sent_at: datetime | None, types: Mapping[str, int]
    ) -> None:
        self.source, self.received_at, self.sent_at, self.types = source, received_at, sent_at, types
        self.times = times_taken()

    def saying(self, item: Item, raw: bytes | msgspec.Raw) -> Saying:
        """Return what an item says. Raises BadItem."""
        at = occurred_at(item, sent_at=self.sent_at, received_at=self.received_at)
        user, anonymous = _id(item.user_id, "userId"), _id(item.anonymous_id, "anonymousId")
        if item.type == "alias":
            return _alias(user, _id(item.previous_id, "previousId"))
        if not user and not anonymous:
            raise BadItem("userId", "no_customer")
        if item.type == "identify":
            return Saying(told=self._told(item, user, anonymous, at))
        event = EventIn(
            client_id=_client_id(item, raw),
            type=_PAGE,
            occurred_at=at,
            customer=user,
            anonymous=anonymous,
            session=_session(item.context) if item.context else "",
        )
        if item.type == "track":
            return Saying(events=self._tracked(item, event))
        return Saying(events=[self._group(item, event) if item.type == "group" else _page(item, event)])

    def _told(self, item: Item, user: str, anonymous: str, at: datetime) -> Told:
        traits = _traits(item)
        email = email_of(traits)
        if user or email:
            person = Person(self.source if user else "", user, email, anonymous)
        else:
            person = Person(ANONYMOUS, anonymous)
        if reason := moment_problem(at, times=self.times):
            raise BadItem("timestamp", reason)
        return Told(person, profile_of(traits, context=item.context), at)

    def _group(self, item: Item, event: EventIn) -> EventIn:
        group = _id(item.group_id, "groupId")
        if not group:
            raise BadItem("groupId", "missing_group")
        event.type = self.types[GROUP_EVENT]
        event.profile = {"attributes": group_attributes(group, item.traits or {})}
        event.properties = {"group_id": group}
        return event

    def _tracked(self, item: Item, base: EventIn) -> list[EventIn]:
        name = event_name(item)
        properties = item.properties or {}
        base.type = type = self.types[name]
        if type == _ORDER:
            return _order(properties, base)
        if type == _REFUND:
            return [_refund(properties, base)]
        if type in _OF_PRODUCTS:
            _take_columns(properties, base)
        elif properties:
            base.properties = properties
            _take_columns_if_they_fit(properties, base)
        if type not in _NAMED_BY_TYPE and type <= _CUSTOM:
            base.properties = {**(base.properties or {}), "event": name}
        return [base]


def _alias(user: str, previous: str) -> Saying:
    if not previous:
        raise BadItem("previousId", "missing_previous_id")
    if not user:
        raise BadItem("userId", "no_customer")
    return Saying(previous=previous, user=user)


def _traits(item: Item) -> dict[str, Any]:
    """The traits of an identify call; RudderStack's clients put them into the context."""
    beside = (item.context or {}).get("traits")
    return {**beside, **(item.traits or {})} if isinstance(beside, dict) else item.traits or {}


def _id(value: str | float | None, place: str) -> str:
    said = id_text(value)
    if len(said) > 200:
        raise BadItem(place, "too_long")
    return said


def _client_id(item: Item, raw: bytes | msgspec.Raw) -> str:
    """What names the item for ever. Without a messageId: its text if that holds a time; else it is never known."""
    said = id_text(item.message_id)
    if said:
        return said
    if item.timestamp is None and item.original_timestamp is None:
        return uuid.uuid4().hex
    return hashlib.sha256(bytes(raw)).hexdigest()


def _session(context: Mapping[str, Any]) -> str:
    return text(context, "sessionId", most=100, place="context")


def _page(item: Item, base: EventIn) -> EventIn:
    named = {name: value for name, value in (("name", item.name), ("category", item.category)) if value}
    base.properties = {**(item.properties or {}), **named} or None
    return base


def _take_columns(properties: Mapping[str, Any], event: EventIn) -> None:
    event.currency = currency_of(properties)
    event.product = product_of(properties, event.currency)
    event.quantity = whole(properties, "quantity")
    event.value_minor = amount_of(properties, event.currency)
    if event.value_minor is None and event.product and event.product.price_minor is not None:
        event.value_minor = event.product.price_minor * (event.quantity or 1)
    event.properties = without_columns(properties) if event.product else dict(properties) or None


def _take_columns_if_they_fit(properties: dict[str, Any], event: EventIn) -> None:
    """Names that only look like ours mean something else in an event of the shop's own: they stay properties."""
    try:
        _take_columns(properties, event)
    except BadItem:
        event.product = event.quantity = event.value_minor = None
        event.currency, event.properties = "", properties


def _order(properties: Mapping[str, Any], base: EventIn) -> list[EventIn]:
    """One event for the order, one for each product, and one for what the total has beyond them.

    The lines are known by order and product, whatever message tells them: an order told twice is one order.
    """
    base.order = text(properties, "order_id", most=200)
    if not base.order:
        raise BadItem("properties.order_id", "missing_order")
    base.currency = currency_of(properties)
    total = _order_total(properties, base.currency)
    lines = _lines(properties.get("products"), base)
    if lines:
        rest = 0 if total is None else total - sum(line.value_minor or 0 for line in lines)
        if rest:
            lines.append(_line(base, ":rest", value=rest, description="Shipping, tax and discounts"))
    else:
        base.value_minor = total
    base.properties = {
        name: value for name, value in properties.items() if name not in ("products", "order_id", "currency")
    } or None
    return [base, *lines]


def _order_total(properties: Mapping[str, Any], currency: str) -> int | None:
    """`total`; else `value`; else `revenue`, which Segment counts without shipping and tax, and these two."""
    for name in ("total", "value"):
        if properties.get(name) is not None:
            return minor(properties, name, currency)
    revenue = minor(properties, "revenue", currency)
    if revenue is None:
        return None
    return (
        revenue + (minor(properties, "shipping", currency) or 0) + (minor(properties, "tax", currency) or 0)
    )


def _lines(products: Any, base: EventIn) -> list[EventIn]:
    if products is None:
        return []
    if not isinstance(products, list):
        raise BadItem("properties.products", "wrong_type")
    if len(products) > MOST_PRODUCTS:
        raise BadItem("properties.products", "too_many_products")
    lines: list[EventIn] = []
    seen: dict[str, int] = {}
    for number, said in enumerate(products):
        place = f"properties.products[{number}]"
        if not isinstance(said, dict):
            raise BadItem(place, "wrong_type")
        product = product_of(said, base.currency, place=place)
        if product is None:
            raise BadItem(f"{place}.product_id", "bad_product_id")
        quantity = whole(said, "quantity", place=place)
        quantity = 1 if quantity is None else quantity
        seen[product.external_id] = occurrence = seen.get(product.external_id, 0) + 1
        line = _line(
            base, _line_name(product.external_id, occurrence), value=(product.price_minor or 0) * quantity
        )
        line.product, line.quantity, line.unit_price_minor = product, quantity, product.price_minor or 0
        lines.append(line)
    return lines


def _line(base: EventIn, name: str, *, value: int, description: str = "") -> EventIn:
    return EventIn(
        client_id=f"order\n{base.order}",
        type=_LINE,
        occurred_at=base.occurred_at,
        line=name,
        customer=base.customer,
        anonymous=base.anonymous,
        order=base.order,
        description=description,
        value_minor=value,
        currency=base.currency,
        session=base.session,
    )


def _line_name(product: str, occurrence: int) -> str:
    name = product if occurrence == 1 else f"{product}#{occurrence}"
    return name if len(name) <= _LONGEST_LINE else hashlib.sha256(name.encode()).hexdigest()


def _refund(properties: Mapping[str, Any], base: EventIn) -> EventIn:
    """Without an amount it gives back what is left of its order, in the order's currency unless it names one."""
    base.order = text(properties, "order_id", most=200)
    base.currency = currency_of(properties)
    said = text(properties, "refund_id", most=200)
    base.refund = said or (
        base.client_id if len(base.client_id) <= 200 else hashlib.sha256(base.client_id.encode()).hexdigest()
    )
    if said:
        base.client_id = f"refund\n{said}"
    base.value_minor = _order_total(properties, base.currency)
    if base.value_minor is None:
        if not base.order:
            raise BadItem("properties.total", "missing_amount")
        base.is_full_refund = True
        base.currency = base.currency if properties.get("currency") else ""
    base.properties = without_columns(properties)
    return base
