"""Which promotion a customer is told of: the most particular of those that run, then the one that began last."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from products.models import Promotion, Store


@dataclass(frozen=True, slots=True)
class Offer:
    """A running promotion, with the ids of the stores it names."""

    promotion: Promotion
    store_ids: frozenset[int]


def running_offers(at: datetime) -> list[Offer]:
    """Return what runs at `at`, the latest first; two queries."""
    running = Promotion.objects.running(at).prefetch_related("stores")
    return [Offer(one, frozenset(store.pk for store in one.stores.all())) for one in running]


def offer_for(
    offers: Iterable[Offer], *, country: str, region: str, nearest_store: Store | None
) -> Promotion | None:
    """Return what is on for somebody who lives there: in their nearest store, region, country, or everywhere."""
    countries = {country, nearest_store.country if nearest_store else ""}
    regions = {region, nearest_store.region if nearest_store else ""}
    best: tuple[int, Promotion] | None = None
    for offer in offers:
        rank = _rank(offer, countries=countries, regions=regions, store=nearest_store)
        if rank is not None and (best is None or rank < best[0]):
            best = rank, offer.promotion
    return best[1] if best else None


def _rank(
    offer: Offer, *, countries: Collection[str], regions: Collection[str], store: Store | None
) -> int | None:
    """0 for the store, 1 for the region, 2 for the country, 3 for everywhere; None where it is not on."""
    promotion = offer.promotion
    if store is not None and store.pk in offer.store_ids:
        return 0
    if _named(regions) & _named(promotion.regions):
        return 1
    if _named(countries) & _named(promotion.countries):
        return 2
    is_everywhere = not (offer.store_ids or promotion.regions or promotion.countries)
    return 3 if is_everywhere else None


def _named(names: Iterable[str]) -> set[str]:
    return {name.strip().casefold() for name in names if name.strip()}
