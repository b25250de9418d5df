"""The stored bestsellers of one place, for the page."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from products.models import Product
from recommendations.models import PopularProducts

SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Bestsellers:
    """The best products of a country ('' for all), best first, and the countries that have a list."""

    country: str
    countries: list[str]
    products: list[Product]
    computed_at: datetime | None


def bestsellers(country: str) -> Bestsellers:
    """Read the list of a country, or that of all countries where it has none; three queries."""
    lists = PopularProducts.objects.filter(kind=PopularProducts.Kind.BESTSELLERS)
    countries = list(lists.order_by("country").values_list("country", flat=True))
    chosen = country if country in countries else ""
    row = lists.filter(country=chosen).first()
    ids = row.product_ids[:SHOWN] if row else []
    found = Product.objects.select_related("category").in_bulk(ids)
    return Bestsellers(
        country=chosen,
        countries=[one for one in countries if one],
        products=[found[pk] for pk in ids if pk in found],
        computed_at=row.computed_at if row else None,
    )
