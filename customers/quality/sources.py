"""What is known about each source: by which mapping it is read, how often, and which fields it feeds."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from customers.models import DataSource
from customers.profiles import COLUMNS, DATES

_SEEN = ("first_seen_at", "last_seen_at")
_VIEW = ("views_count", "last_view_at", "last_viewed_product_id", "last_session_category_id")
_CART = ("carts_count", "last_cart_at", "last_cart_product_id")
_ORDER = (
    "orders_count",
    "units_count",
    "revenue_minor",
    "first_order_at",
    "last_order_at",
    "last_purchase_at",
    "last_purchase_product_id",
    "last_purchase_category_id",
)
_REFUND = ("refunds_count", "refunded_minor")
_FACTS_OF: dict[str, tuple[str, ...]] = {
    "product_viewed": _VIEW,
    "page_viewed": _VIEW,
    "product_added": _CART,
    "cart_updated": _CART,
    "order_placed": _ORDER,
    "order_line": _ORDER,
    "order_refunded": _REFUND,
}


def note_mapping(name: str, mapping: Mapping[str, Any]) -> None:
    """Remember by which mapping a source is read, for retries and for `fields_fed`."""
    source, is_new = DataSource.objects.get_or_create(name=name, defaults={"mapping": dict(mapping)})
    if not is_new and source.mapping != mapping:
        DataSource.objects.filter(pk=source.pk).update(mapping=dict(mapping))


def declare_source(
    name: str, *, mapping: Mapping[str, Any], due_every: timedelta | None, is_watched: bool
) -> None:
    """Say how a source is read, how often, and whether anybody is to be told when it is not."""
    values = {"mapping": dict(mapping), "due_every": due_every, "is_watched": is_watched}
    DataSource.objects.update_or_create(name=name, defaults=values)


def forget_source(name: str) -> None:
    """Nobody reads the source any more; its books stay."""
    DataSource.objects.filter(name=name).delete()


def fields_fed(mapping: Mapping[str, Any]) -> set[str]:
    """The fields of customers that a source with this mapping fills, and `event.…` for each kind of event."""
    customer = mapping.get("customer", {})
    fed = {name for name in ("email", *COLUMNS, *DATES) if name in customer}
    fed |= {f"attributes.{name}" for name in customer.get("attributes", {})}
    shared = mapping.get("fields", {})
    for kind in mapping.get("kinds", []):
        event = {**shared, **kind}.get("event")
        if event and "reject" not in kind:
            fed |= {f"event.{event}", *_SEEN, *_FACTS_OF.get(event, ())}
    return fed
