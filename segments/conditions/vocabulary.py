"""What a condition may name: the fields, what kind of value each has, and the operators of each kind."""

from dataclasses import dataclass
from enum import StrEnum

from customers.models import EventType


class Kind(StrEnum):
    """The kinds of value. A custom attribute is OPEN: its type is that of the value it is compared with."""

    TEXT = "text"
    COUNT = "count"
    NUMBER = "number"
    TIME = "time"
    DATE = "date"
    BOOLEAN = "boolean"
    CATEGORY = "category"
    PRODUCT = "product"
    STORE = "store"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class Field:
    """Something a comparison can be about. `path` is where the compiler finds it from the customer."""

    source: str
    name: str
    kind: Kind
    path: str
    label: str
    is_money: bool = False


def own_attribute(name: str) -> Field:
    """Return the field of an attribute that the shop defines."""
    return Field("custom", name, Kind.OPEN, "attributes", name)


def event_property(name: str) -> Field:
    """Return the field of a property of events."""
    return Field("property", name, Kind.OPEN, "properties", name)


def _attribute(name: str, kind: Kind, label: str, *, path: str = "") -> Field:
    return Field("attribute", name, kind, path or name, label)


def _fact(name: str, kind: Kind, label: str, *, column: str = "", is_money: bool = False) -> Field:
    return Field("fact", name, kind, f"facts__{column or name}", label, is_money)


ATTRIBUTES = {
    field.name: field
    for field in (
        _attribute("country", Kind.TEXT, "country"),
        _attribute("region", Kind.TEXT, "region"),
        _attribute("city", Kind.TEXT, "city"),
        _attribute("email", Kind.TEXT, "e-mail address"),
        _attribute("first_name", Kind.TEXT, "first name"),
        _attribute("last_name", Kind.TEXT, "last name"),
        _attribute("gender", Kind.TEXT, "gender"),
        _attribute("birth_date", Kind.DATE, "birth date"),
        _attribute("timezone", Kind.TEXT, "time zone"),
        _attribute("locale", Kind.TEXT, "language"),
        _attribute("device", Kind.TEXT, "device"),
        _attribute("source", Kind.TEXT, "source of the profile"),
        _attribute("signed_up_at", Kind.TIME, "sign-up"),
        _attribute("allows_profiling", Kind.BOOLEAN, "allows profiling"),
        _attribute("nearest_store", Kind.STORE, "nearest store", path="nearest_store_id"),
        _attribute("nearest_store_km", Kind.NUMBER, "distance to the nearest store in km"),
        _attribute(
            "nearest_store_region", Kind.TEXT, "region of the nearest store", path="nearest_store__region"
        ),
    )
}

FACTS = {
    field.name: field
    for field in (
        _fact("orders_count", Kind.COUNT, "number of orders"),
        _fact("revenue_minor", Kind.COUNT, "revenue", is_money=True),
        _fact("refunds_count", Kind.COUNT, "number of refunds"),
        _fact("refunded_minor", Kind.COUNT, "refunded amount", is_money=True),
        _fact("units_count", Kind.COUNT, "units bought"),
        _fact("views_count", Kind.COUNT, "number of product views"),
        _fact("carts_count", Kind.COUNT, "number of additions to the cart"),
        _fact("emails_sent_count", Kind.COUNT, "number of e-mails sent"),
        _fact("opens_count", Kind.COUNT, "number of opens"),
        _fact("clicks_count", Kind.COUNT, "number of clicks"),
        _fact("first_seen_at", Kind.TIME, "first activity"),
        _fact("last_seen_at", Kind.TIME, "last activity"),
        _fact("last_view_at", Kind.TIME, "last product view"),
        _fact("last_cart_at", Kind.TIME, "last addition to the cart"),
        _fact("first_order_at", Kind.TIME, "first order"),
        _fact("last_order_at", Kind.TIME, "last order"),
        _fact("last_purchase_at", Kind.TIME, "last purchase"),
        _fact("last_sent_at", Kind.TIME, "last e-mail sent"),
        _fact("last_open_at", Kind.TIME, "last open"),
        _fact("last_click_at", Kind.TIME, "last click"),
        _fact(
            "last_purchase_category",
            Kind.CATEGORY,
            "category of the last purchase",
            column="last_purchase_category_id",
        ),
        _fact(
            "last_session_category",
            Kind.CATEGORY,
            "category of the last visit",
            column="last_session_category_id",
        ),
        _fact("last_viewed_product", Kind.PRODUCT, "last viewed product", column="last_viewed_product_id"),
        _fact("last_cart_product", Kind.PRODUCT, "last product in the cart", column="last_cart_product_id"),
        _fact(
            "last_purchase_product",
            Kind.PRODUCT,
            "last bought product",
            column="last_purchase_product_id",
        ),
    )
}

EVENTS = {event.name.lower(): event for event in EventType}

_PRESENCE = ("is_missing", "is_present")
_EQUAL = ("eq", "ne", "in", "not_in")
RANGES = ("eq", "gt", "gte", "lt", "lte")
OPERATORS: dict[Kind, tuple[str, ...]] = {
    Kind.TEXT: (*_EQUAL, "contains", "starts_with", *_PRESENCE),
    Kind.COUNT: ("eq", "ne", "gt", "gte", "lt", "lte"),
    Kind.NUMBER: ("eq", "ne", "gt", "gte", "lt", "lte", *_PRESENCE),
    Kind.TIME: ("within", "older_than", "before", "after", *_PRESENCE),
    Kind.DATE: ("before", "after", *_PRESENCE),
    Kind.BOOLEAN: ("eq",),
    Kind.CATEGORY: (*_EQUAL, *_PRESENCE),
    Kind.PRODUCT: (*_EQUAL, *_PRESENCE),
    Kind.STORE: (*_EQUAL, *_PRESENCE),
    Kind.OPEN: (*_EQUAL, "contains", "starts_with", "gt", "gte", "lt", "lte", *_PRESENCE),
}
SCORE_OPERATORS = ("gt", "gte", "lt", "lte", "top_percent", "bottom_percent")
# What sums, averages and counts of different things are taken of: as it is written, and the event's column.
MEASURES = {
    "sum": {"value": "value_minor", "quantity": "quantity"},
    "avg": {"value": "value_minor", "quantity": "quantity"},
    "distinct": {"days": "occurred_at", "products": "product_id", "categories": "category_id"},
}
UNITS = ("minutes", "hours", "days", "weeks")
