"""What Segment's e-commerce properties mean: products, amounts, orders."""

from collections.abc import Mapping
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from typing import Any

from django.conf import settings

from common.money import exponent
from customers.tracking.refusals import BadItem
from products.catalogue import ProductRef

_AMOUNTS = ("value", "revenue", "total")
_OF_PRODUCT = ("product_id", "sku", "name", "category", "price")
_IN_COLUMNS = frozenset(("product_id", "name", "category", "quantity", "price", "value", "currency"))
Properties = Mapping[str, Any]


def text(properties: Properties, name: str, *, most: int, place: str = "properties") -> str:
    """Return a property as text; numbers are written out, nothing is empty. Raises BadItem."""
    value = properties.get(name)
    if value is None:
        return ""
    if isinstance(value, str):
        value = value.strip()
    elif isinstance(value, int | float) and not isinstance(value, bool):
        value = str(value)
    else:
        raise BadItem(f"{place}.{name}", "wrong_type")
    if len(value) > most:
        raise BadItem(f"{place}.{name}", "too_long")
    return value


def whole(properties: Properties, name: str, *, place: str = "properties") -> int | None:
    """Return a property as a whole number. Raises BadItem."""
    value = properties.get(name)
    if value is None or type(value) is int:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, str) and value.strip().lstrip("-").isdecimal() and len(value) < 20:
        return int(value)
    raise BadItem(f"{place}.{name}", "not_whole")


def minor(properties: Properties, name: str, currency: str, *, place: str = "properties") -> int | None:
    """Return an amount of major units (a number, or a text with a decimal point) in minor units. Raises BadItem."""
    value = properties.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise BadItem(f"{place}.{name}", "not_an_amount")
    try:
        return _minor(str(value), exponent(currency))
    except (InvalidOperation, ValueError, OverflowError) as error:
        raise BadItem(f"{place}.{name}", "not_an_amount") from error


@lru_cache(maxsize=65536)
def _minor(written: str, places: int) -> int:
    value = Decimal(written[:40])
    if not value.is_finite() or abs(value.adjusted()) > 18:
        raise ValueError(written)
    return int(value.scaleb(places).quantize(Decimal(1), ROUND_HALF_UP))


def currency_of(properties: Properties) -> str:
    """Return the currency, the reporting one where none is named. Raises BadItem."""
    said = properties.get("currency")
    if said is None or said == "":
        return str(settings.REPORTING_CURRENCY)
    if isinstance(said, str) and len(said) == 3 and said.isascii() and said.isalpha():
        return said.upper()
    raise BadItem("properties.currency", "bad_currency")


def product_of(properties: Properties, currency: str, *, place: str = "properties") -> ProductRef | None:
    """Return the product that is named by `product_id` or `sku`; None where neither is. Raises BadItem.

    The same few products are named again and again, so results are kept.
    """
    said = tuple(map(properties.get, _OF_PRODUCT))
    try:
        return _product(*said, currency, place)
    except TypeError:  # lists and objects cannot be kept; most of them are refused
        return _product.__wrapped__(*said, currency, place)


@lru_cache(maxsize=4096, typed=True)
def _product(
    product_id: Any, sku: Any, name: Any, category: Any, price: Any, currency: str, place: str
) -> ProductRef | None:
    said = dict(zip(_OF_PRODUCT, (product_id, sku, name, category, price), strict=True))
    id = text(said, "product_id", most=200, place=place) or text(said, "sku", most=200, place=place)
    if not id:
        return None
    return ProductRef(
        id,
        text(said, "name", most=1000, place=place),
        _path(text(said, "category", most=500, place=place)),
        minor(said, "price", currency, place=place),
    )


def amount_of(properties: Properties, currency: str) -> int | None:
    """Return what an event says that it is worth: `value`, `revenue` or `total`. Raises BadItem."""
    for name in _AMOUNTS:
        if name in properties and properties[name] is not None:
            return minor(properties, name, currency)
    return None


def without_columns(properties: Properties) -> dict[str, Any] | None:
    """Return the properties that have no column of their own in the event table; None where none is left."""
    return {name: value for name, value in properties.items() if name not in _IN_COLUMNS} or None


@lru_cache(maxsize=4096)
def _path(category: str) -> str:
    """A category as a path: `Clothing / Shoes` is `Clothing/Shoes`."""
    return "/".join(part.strip() for part in category.split("/") if part.strip())
