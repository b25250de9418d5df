"""Products for customers: a strategy's sources one after the other, until the shelf is full or a reason is given."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from products.models import Product
from recommendations.models import ModelVersion
from recommendations.shelf import Candidate, Filters, Shelf, load
from recommendations.strategies import FOR_YOU, NOTHING, REASONS, Source, strategy_called

Excluded = Mapping[int, Collection[int]] | Collection[int]
ANYTHING = Filters()
VARIETY = 50
"""So many more products are found than a shelf holds, for one category may be full."""


@dataclass(frozen=True, slots=True)
class Served:
    """What one customer is shown, best first. `sources[n]` and `reasons[n]` belong to `products[n]`.

    `shortfall` says why there are fewer than were asked for; empty when there are enough. `model_version` is the
    one whose ranking was used, None where none was.
    """

    products: tuple[Product, ...]
    sources: tuple[str, ...]
    reasons: tuple[str, ...]
    model_version: ModelVersion | None
    shortfall: str = ""

    @property
    def source(self) -> str:
        """Where the first product came from; `nothing` where there is none."""
        return self.sources[0] if self.sources else NOTHING


def recommend(
    customer_ids: Sequence[int],
    *,
    k: int,
    strategy: str = FOR_YOU,
    exclude: Excluded = (),
    filters: Filters = ANYTHING,
    most_per_category: int | None = None,
) -> dict[int, Served]:
    """The `k` best available products for each customer, in a fixed number of queries for any number of customers.

    `strategy` is one of `recommendations.strategies.STRATEGIES`; `exclude` holds product ids, for all or by customer.
    With `most_per_category` further products of a category wait until nothing else is left. Customers who object
    to profiling get what their country buys, and so do ids that belong to nobody. Raises ValueError for an unknown
    strategy.
    """
    ids = list(dict.fromkeys(customer_ids))
    left_out = max((len(_excluded(exclude, one)) for one in ids), default=0)
    shelf = load(ids, strategy=strategy_called(strategy), filters=filters, enough=k + left_out + VARIETY)
    picks = {one: _pick(shelf, one, k, _excluded(exclude, one), most_per_category) for one in ids}
    chosen = Product.objects.select_related("category").in_bulk(
        {candidate.product for pick in picks.values() for candidate in pick}
    )
    return {one: _served(one, pick, shelf, chosen, k) for one, pick in picks.items()}


def _excluded(exclude: Excluded, customer: int) -> Collection[int]:
    return exclude.get(customer, ()) if isinstance(exclude, Mapping) else exclude


def _pick(
    shelf: Shelf, customer: int, k: int, excluded: Collection[int], most_per_category: int | None
) -> list[Candidate]:
    banned = shelf.left_out(customer) | set(excluded)
    picked: dict[int, Candidate] = {}
    waiting: dict[int, Candidate] = {}
    filled: Counter[int | None] = Counter()
    for one in shelf.candidates(customer):
        if len(picked) == k:
            break
        if one.product in picked or one.product in banned or one.product not in shelf.category_of:
            continue
        category = shelf.category_of[one.product]
        if most_per_category is not None and filled[category] >= most_per_category:
            waiting.setdefault(one.product, one)
            continue
        filled[category] += 1
        picked[one.product] = one
    return [*picked.values(), *waiting.values()][:k]


def _served(customer: int, pick: list[Candidate], shelf: Shelf, chosen: dict[int, Product], k: int) -> Served:
    kept = [one for one in pick if one.product in chosen]
    country = shelf.countries.get(customer, "")
    _, version = shelf.stored.get(customer, ([], 0))
    return Served(
        products=tuple(chosen[one.product] for one in kept),
        sources=tuple(one.source.value for one in kept),
        reasons=tuple(REASONS[one.source].format(country=country, about=one.about) for one in kept),
        model_version=shelf.versions.get(version)
        if any(one.source is Source.MODEL for one in kept)
        else None,
        shortfall=_shortfall(len(kept), k, shelf),
    )


def _shortfall(found: int, k: int, shelf: Shelf) -> str:
    if found >= k:
        return ""
    match shelf.strategy.ladder[0]:
        case Source.HISTORY:
            cause = "bought before and are available"
        case Source.VIEWED:
            cause = "looked at lately, not bought since, and are available"
        case _:
            cause = "are available and not excluded"
    return f"Only {found} of {k} products: no more {cause}."
