"""An event as a source tells it, what is wrong with it, and the key by which it is stored once."""

import hashlib
import uuid
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec
from django.conf import settings

from common.clock import now
from customers.addresses import BadAddress, canonical
from customers.models import CustomerIdentity, EventType
from customers.models.tracking import FIRST_CUSTOM_TYPE
from customers.texts import is_encodable
from products.catalogue import ProductRef

EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
AHEAD = timedelta(days=1)
SURELY_KEPT = timedelta(days=30)  # nothing younger is ever dropped
_INT4 = 2**31 - 1
_MONEY = 2**43  # leaves room to add up a million of them
_PLACED, _LINE, _REFUNDED = map(int, (EventType.ORDER_PLACED, EventType.ORDER_LINE, EventType.ORDER_REFUNDED))
_LENGTHS = {
    "namespace": 50,
    "customer": 200,
    "order": 200,
    "refund": 200,
    "line": 64,
    "session": 100,
    "anonymous": 200,
}
_TYPES = frozenset(int(type) for type in EventType)


class Times(NamedTuple):
    """What times are taken: up to a day ahead (clocks differ), and nothing that would be dropped at once."""

    latest: datetime
    earliest: datetime
    earliest_of: dict[int, datetime]
    """By type, for those that are kept shorter."""


def times_taken() -> Times:
    """Return what times are taken now, by the settings."""
    at, days = now(), settings.EVENT_RETENTION_DAYS
    return Times(
        latest=at + AHEAD,
        earliest=at - timedelta(days=days) if days else EARLIEST,
        earliest_of={
            int(EventType[name.upper()]): at - timedelta(days=days)
            for name, days in settings.EVENT_RETENTION_BY_TYPE.items()
        },
    )


class SharedOrders(NamedTuple):
    """The namespace in which several sources name the same orders and refunds, and how far this one is believed.

    Of two sources the one with the higher rank is believed: an event stream might have 10, a webhook 20, a nightly
    pull of the books 30. `customers.precedence` says what that means.
    """

    namespace: str
    rank: int = 0


class EventIn(msgspec.Struct, kw_only=True):
    """Something a customer did, in the source's own words.

    `client_id` is the source's id of the event; with `line` it must name the event for ever. The customer is
    `customer_id` (ours), or the source's id `customer` in `namespace` (the source's name when empty), or
    `email`, or both; `anonymous` is the id of the device, beside those or alone. `profile` holds Customer's
    columns and `attributes` as they were at that time. An ORDER_LINE needs `order` and `line`, an ORDER_REFUNDED
    needs `refund` and a positive value, or `is_full_refund` and `order`: then it gives back what is left of the order,
    whenever that is known. ORDER_PLACED is made by the first line of an order and need not be sent;
    if it is, its value is the order's total only for as long as there are no lines.
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
    anonymous: str = ""
    profile: dict[str, Any] = msgspec.field(default_factory=dict)
    product: ProductRef | None = None
    product_id: int | None = None
    order: str = ""
    refund: str = ""
    description: str = ""
    quantity: int | None = None
    unit_price_minor: int | None = None
    value_minor: int | None = None
    is_full_refund: bool = False
    currency: str = ""
    session: str = ""
    properties: dict[str, Any] | None = None


def problem(event: EventIn, *, times: Times | None = None) -> str | None:
    """Return the reason why the event cannot be stored, or None. The profile is not looked at here."""
    return (
        _time_problem(event, times or times_taken())
        or _customer_problem(event)
        or _text_problem(event)
        or _order_problem(event)
        or _number_problem(event)
    )


def moment_problem(at: datetime, *, times: Times) -> str | None:
    """Return why nothing can have happened at this time, or None."""
    if at.tzinfo is None:
        return "time_without_zone"
    if at > times.latest:
        return "in_the_future"
    return "before_1990" if at < EARLIEST else None


def _time_problem(event: EventIn, times: Times) -> str | None:
    at = event.occurred_at
    if reason := moment_problem(at, times=times):
        return reason
    if at < times.earliest or (times.earliest_of and at < times.earliest_of.get(event.type, EARLIEST)):
        return "older_than_retention"
    return None


def _customer_problem(event: EventIn) -> str | None:
    if event.email:
        try:
            canonical(event.email)
        except BadAddress:
            return "bad_email"
    elif event.customer_id is None and not event.customer and not event.anonymous:
        return "no_customer"
    return "reserved_namespace" if event.namespace == CustomerIdentity.EMAIL else None


def _text_problem(event: EventIn) -> str | None:
    names = f"{event.customer}{event.order}{event.refund}{event.anonymous}"
    others = f"{event.namespace}{event.line}{event.session}"
    if len(names) > 200 or len(others) > 50:
        for name, length in _LENGTHS.items():
            if len(getattr(event, name)) > length:
                return f"{name}_too_long"
    written = f"{names}{others}{event.description}{event.client_id}"
    if "\0" in written:
        return "nul_character"
    if not is_encodable(written):
        return "bad_encoding"
    if event.currency and not (
        len(event.currency) == 3 and event.currency.isascii() and event.currency.isupper()
    ):
        return "bad_currency"
    if not event.client_id:
        return "missing_client_id"
    return _product_problem(event.product) if event.product is not None else None


def _product_problem(product: ProductRef) -> str | None:
    if not 0 < len(product.external_id) <= 200:
        return "bad_product_id"
    if len(product.category) > 500:
        return "category_too_long"
    if "\0" in product.external_id or "\0" in product.name or "\0" in product.category:
        return "nul_character"
    if not is_encodable(f"{product.external_id}{product.name}{product.category}"):
        return "bad_encoding"
    return "number_out_of_range" if abs(product.price_minor or 0) > _MONEY else None


def _order_problem(event: EventIn) -> str | None:
    type = event.type
    if type == _LINE:
        if not event.order or not event.line:
            return "missing_order_or_line"
        return "missing_value" if event.value_minor is None else None
    if type == _REFUNDED:
        if not event.refund:
            return "missing_refund"
        if event.value_minor is None and event.is_full_refund:
            return None if event.order else "missing_amount"
        return "refund_not_positive" if event.value_minor is None or event.value_minor < 0 else None
    if type == _PLACED and not event.order:
        return "missing_order_or_line"
    return "unknown_event_type" if type not in _TYPES and type < FIRST_CUSTOM_TYPE else None


def _number_problem(event: EventIn) -> str | None:
    if event.quantity is None and event.value_minor is None and event.unit_price_minor is None:
        return None
    for number, most in (
        (event.quantity, _INT4),
        (event.value_minor, _MONEY),
        (event.unit_price_minor, _MONEY),
    ):
        if number is not None and not -most <= number <= most:
            return "number_out_of_range"
    return None


@lru_cache(maxsize=1000)
def source_namespace(source: str) -> bytes:
    """Return the bytes of the UUID namespace of a source; message ids are made in it."""
    return uuid.uuid5(uuid.NAMESPACE_URL, f"regards:source:{source}").bytes


def message_key(source: str, event: EventIn) -> bytes:
    """Return the key by which the event is stored once: the bytes of `uuid5(source, client_id[, line])`.

    ORDER_PLACED has the order's key, so that an order is placed once, by whichever message says so first.
    """
    if event.type == _PLACED:
        return order_key(source, event.order)
    name = f"{event.client_id}\n{event.line}" if event.line else event.client_id
    return _uuid5(source_namespace(source), name)


def order_key(source: str, order: str) -> bytes:
    """Return the key of the one ORDER_PLACED event of an order."""
    return _uuid5(source_namespace(source), f"\norder\n{order}")


def _uuid5(namespace: bytes, name: str) -> bytes:
    """The bytes of `uuid.uuid5`, without the object: this is done for every row of every import."""
    key = bytearray(hashlib.sha1(namespace + name.encode(), usedforsecurity=False).digest()[:16])
    key[6] = key[6] & 0x0F | 0x50
    key[8] = key[8] & 0x3F | 0x80
    return bytes(key)
