"""An event as a source tells it, what is wrong with it, and the key by which it is stored once."""

import hashlib
import uuid
from datetime import datetime
from functools import lru_cache
from typing import Any

import msgspec

from customers.addresses import BadAddress, canonical
from customers.models import EventType
from customers.partitions import occurred_problem
from customers.profiles import profile_problem
from products.catalogue import ProductRef

_INT4, _INT8 = 2**31 - 1, 2**63 - 1
_LENGTHS = {"namespace": 50, "customer": 200, "order": 200, "refund": 200, "line": 64, "session": 100}
_TYPES = frozenset(int(type) for type in EventType)


class EventIn(msgspec.Struct, kw_only=True):
    """Something a customer did, in the source's own words.

    `client_id` is the source's id of the event; with `line` it must name the event for ever. The customer is
    `customer_id` (ours), or the source's id `customer` in `namespace` (the source's name when empty), or
    `email`, or both. `profile` holds Customer's columns and `attributes`. An ORDER_LINE needs `order` and
    `line`, an ORDER_REFUNDED needs `refund` and a positive value; ORDER_PLACED is made by the first line of an
    order and need not be sent; if it is, its value is the order's total only for as long as there are no lines.
    `value_minor` is in minor units of `currency`, the reporting currency when empty.
    """

    client_id: str
    type: int
    occurred_at: datetime
    line: str = ""
    customer_id: int | None = None
    namespace: str = ""
    customer: str = ""
    email: str = ""
    profile: dict[str, Any] = msgspec.field(default_factory=dict)
    product: ProductRef | None = None
    product_id: int | None = None
    order: str = ""
    refund: str = ""
    description: str = ""
    quantity: int | None = None
    unit_price_minor: int | None = None
    value_minor: int | None = None
    currency: str = ""
    session: str = ""
    properties: dict[str, Any] | None = None


def problem(event: EventIn) -> str | None:
    """Return the reason why the event cannot be stored, or None."""
    return (
        occurred_problem(event.occurred_at)
        or _customer_problem(event)
        or _text_problem(event)
        or _order_problem(event)
        or _number_problem(event)
    )


def _customer_problem(event: EventIn) -> str | None:
    if event.customer_id is None and not event.customer and not event.email:
        return "no_customer"
    if event.email:
        try:
            canonical(event.email)
        except BadAddress:
            return "bad_email"
    return profile_problem(event.profile) if event.profile else None


def _text_problem(event: EventIn) -> str | None:
    texts = (event.namespace, event.customer, event.order, event.refund, event.line, event.session)
    for text, (name, length) in zip(texts, _LENGTHS.items(), strict=True):
        if len(text) > length:
            return f"{name}_too_long"
    product = event.product
    if product is not None and not 0 < len(product.external_id) <= 200:
        return "bad_product_id"
    if product is not None and len(product.category) > 500:
        return "category_too_long"
    if "\0" in "".join((*texts, event.description)) or (product and "\0" in "".join(_product_texts(product))):
        return "nul_character"
    if event.currency and not (
        len(event.currency) == 3 and event.currency.isascii() and event.currency.isupper()
    ):
        return "bad_currency"
    return "missing_client_id" if not event.client_id else None


def _product_texts(product: ProductRef) -> tuple[str, ...]:
    return (product.external_id, product.name, product.category)


def _order_problem(event: EventIn) -> str | None:
    if event.type not in _TYPES:
        return "unknown_event_type"
    if event.type == EventType.ORDER_LINE:
        if not event.order or not event.line:
            return "missing_order_or_line"
        return "missing_value" if event.value_minor is None else None
    if event.type == EventType.ORDER_PLACED and not event.order:
        return "missing_order_or_line"
    if event.type == EventType.ORDER_REFUNDED:
        if not event.refund:
            return "missing_refund"
        return "refund_not_positive" if event.value_minor is None or event.value_minor < 0 else None
    return None


def _number_problem(event: EventIn) -> str | None:
    if event.quantity is not None and abs(event.quantity) > _INT4:
        return "number_out_of_range"
    if event.value_minor is not None and abs(event.value_minor) > _INT8 // 2**20:
        return "number_out_of_range"
    return None


@lru_cache(maxsize=1000)
def source_namespace(source: str) -> uuid.UUID:
    """Return the UUID namespace of a source; message ids are made in it."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"regards:source:{source}")


def message_id(source: str, event: EventIn) -> uuid.UUID:
    """Return the key by which the event is stored once: `uuid5(source, client_id[, line])`.

    ORDER_PLACED has the order's key, so that an order is placed once, by whichever message says so first.
    """
    if event.type == EventType.ORDER_PLACED:
        return order_message_id(source, event.order)
    name = f"{event.client_id}\n{event.line}" if event.line else event.client_id
    return _uuid5(source_namespace(source).bytes, name)


def order_message_id(source: str, order: str) -> uuid.UUID:
    """Return the message id of the one ORDER_PLACED event of an order."""
    return _uuid5(source_namespace(source).bytes, f"\norder\n{order}")


def _uuid5(namespace: bytes, name: str) -> uuid.UUID:
    """`uuid.uuid5`, without its checks: it is made for every row of every import."""
    digest = hashlib.sha1(namespace + name.encode(), usedforsecurity=False).digest()
    number = int.from_bytes(digest[:16], "big")
    number = number & ~(0xF000 << 64) | (5 << 76)
    number = number & ~(0xC000 << 48) | (0x8000 << 48)
    return uuid.UUID(int=number)
