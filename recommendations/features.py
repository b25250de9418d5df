"""What the hybrid model is told about customers and products beside what they did."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator

from customers.models import Customer
from products.models import Product
from recommendations.engines.base import Features, FeatureTable, IntArray

CHUNK_ROWS = 5_000


def read_features(customer_ids: IntArray) -> Features:
    """Features of `customer_ids` and of the whole catalogue; one streamed query each."""
    wanted = set(customer_ids.tolist())
    customers = Customer.objects.filter(allows_profiling=True, is_anonymous=False)
    rows = customers.values_list("pk", "country", "gender", "device").order_by("pk")
    people = {
        pk: [*customer_features(country=country, gender=gender, device=device)]
        for pk, country, gender, device in rows.iterator(chunk_size=CHUNK_ROWS)
        if pk in wanted
    }
    products = Product.objects.values_list("pk", "category__path", "brand", "price_minor", "name").order_by(
        "pk"
    )
    things = {
        pk: [*product_features(category=category or "", brand=brand, price_minor=price, name=name)]
        for pk, category, brand, price, name in products.iterator(chunk_size=CHUNK_ROWS)
    }
    return Features(users=FeatureTable.from_names(people), items=FeatureTable.from_names(things))


def customer_features(*, country: str, gender: str, device: str) -> Iterator[str]:
    """Names of what is known: `country:GB`, `gender:female`, `device:mobile`."""
    for kind, value in (("country", country), ("gender", gender), ("device", device)):
        if value:
            yield f"{kind}:{value}"


def product_features(*, category: str, brand: str, price_minor: int, name: str) -> Iterator[str]:
    """Names of a product's features: each level of its category path, brand, price band.

    Without a category the last word of the name stands in for it: in English that is what the thing is.
    """
    if category:
        yield from (f"category:{path}" for path in _levels(category.split("/")))
    elif words := re.findall(r"[^\W\d_]{3,}", name.casefold()):
        yield f"kind:{words[-1]}"
    if brand:
        yield f"brand:{brand}"
    if price_minor > 0:
        yield f"price:{price_band(price_minor)}"


def price_band(price_minor: int) -> int:
    """The price in doublings of one minor unit: 100–199 % of a price share a band."""
    return int(math.log2(price_minor))


def _levels(parts: Iterable[str]) -> Iterator[str]:
    path = ""
    for part in parts:
        path = f"{path}/{part}" if path else part
        yield path
