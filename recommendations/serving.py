"""Products for customers: the stored row, else the country's bestsellers, else everybody's, else the newest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import chain

from django.db.models import Q

from customers.models import Customer, OrderLine
from products.models import Product, ProductQuerySet
from recommendations.models import ModelVersion, PopularProducts, Recommendation

FOR_YOU, DISCOVER, AGAIN, BESTSELLERS = "for_you", "discover", "again", "bestsellers"
STRATEGIES = (FOR_YOU, DISCOVER, AGAIN, BESTSELLERS)
MODEL, HISTORY, COUNTRY, EVERYWHERE, CATALOGUE, NOTHING = (
    "model",
    "history",
    "popular_in_country",
    "popular",
    "catalogue",
    "nothing",
)
REASONS = {
    MODEL: "Picked for this customer",
    HISTORY: "Bought before",
    COUNTRY: "Bestseller in {country}",
    EVERYWHERE: "Bestseller",
    CATALOGUE: "New in the shop",
}
CATALOGUE_SPARE = 50

Candidates = Iterable[tuple[int, str]]


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


@dataclass(slots=True)
class _Shelf:
    """Everything that a batch of customers may be served from, loaded in a fixed number of queries."""

    customers: dict[int, tuple[str, bool]]
    stored: dict[int, tuple[list[int], int]]
    bought: dict[int, list[int]]
    popular: dict[str, list[int]]
    newest: list[int]
    versions: dict[int, ModelVersion]
    available: frozenset[int] = frozenset()
    chosen: dict[int, Product] = field(default_factory=dict)


def recommend(
    customer_ids: Sequence[int],
    *,
    k: int,
    strategy: str = FOR_YOU,
    exclude: Mapping[int, Collection[int]] | Collection[int] = (),
    categories: Collection[str] = (),
) -> dict[int, Served]:
    """The `k` best available products for each customer, in at most eight queries for any number of customers.

    `strategy`: `for_you` (the model's ranking), `discover` (without what was bought before), `again` (only that,
    latest first), `bestsellers`. What a strategy leaves open is filled up with bestsellers, except `again`.
    `exclude` holds product ids, for all or by customer; `categories` restricts to paths and what lies below.
    Customers who object to profiling get bestsellers, and so do ids that belong to nobody. Raises ValueError
    for an unknown strategy.
    """
    if strategy not in STRATEGIES:
        raise ValueError(f"There is no strategy called {strategy!r}; there are {', '.join(STRATEGIES)}.")
    ids = list(dict.fromkeys(customer_ids))
    shelf = _load(ids, k=k, strategy=strategy, categories=categories)
    picks = {one: _pick(one, shelf, k, strategy, _excluded(exclude, one)) for one in ids}
    wanted = {product for pick in picks.values() for product, _ in pick}
    shelf.chosen = Product.objects.select_related("category").in_bulk(wanted)
    return {one: _served(one, pick, shelf, k, strategy) for one, pick in picks.items()}


def _load(ids: list[int], *, k: int, strategy: str, categories: Collection[str]) -> _Shelf:
    rows = Customer.objects.filter(pk__in=ids).values_list("pk", "country", "allows_profiling")
    customers = {pk: (country, allows) for pk, country, allows in rows}
    profiled = [pk for pk, (_, allows) in customers.items() if allows]
    countries = {country for country, _ in customers.values()} | {""}
    in_scope = _in_categories(categories)
    newest = in_scope.order_by("-pk").values_list("pk", flat=True)[: k + CATALOGUE_SPARE]
    stored = _stored(profiled) if strategy in (FOR_YOU, DISCOVER) else {}
    shelf = _Shelf(
        customers=customers,
        stored=stored,
        versions=ModelVersion.objects.in_bulk({version for _, version in stored.values()}),
        bought=_bought(profiled) if strategy in (DISCOVER, AGAIN) else {},
        popular=dict(
            PopularProducts.objects.filter(country__in=countries).values_list("country", "product_ids")
        ),
        newest=list(newest),
    )
    lists = chain((ids for ids, _ in shelf.stored.values()), shelf.bought.values(), shelf.popular.values())
    known = set(chain.from_iterable(lists))
    shelf.available = frozenset(in_scope.filter(pk__in=known).values_list("pk", flat=True))
    shelf.available |= set(shelf.newest)
    return shelf


def _stored(ids: list[int]) -> dict[int, tuple[list[int], int]]:
    rows = Recommendation.objects.filter(pk__in=ids).values_list("pk", "product_ids", "model_version_id")
    return {customer: (products, version) for customer, products, version in rows}


def _bought(ids: list[int]) -> dict[int, list[int]]:
    lines = OrderLine.objects.filter(order__customer_id__in=ids, product__isnull=False, quantity__gt=0)
    rows = lines.order_by("-order__placed_at", "pk").values_list("order__customer_id", "product_id")
    bought: dict[int, list[int]] = {}
    for customer, product in rows:
        if product is not None:
            bought.setdefault(customer, []).append(product)
    return bought


def _in_categories(paths: Collection[str]) -> ProductQuerySet:
    products = Product.objects.available()
    if not paths:
        return products
    scope = Q()
    for path in paths:
        scope |= Q(category__path=path) | Q(category__path__startswith=f"{path}/")
    return products.filter(scope)


def _excluded(exclude: Mapping[int, Collection[int]] | Collection[int], customer: int) -> frozenset[int]:
    return frozenset(exclude.get(customer, ()) if isinstance(exclude, Mapping) else exclude)


def _pick(
    customer: int, shelf: _Shelf, k: int, strategy: str, excluded: frozenset[int]
) -> list[tuple[int, str]]:
    banned = set(excluded)
    if strategy == DISCOVER:
        banned.update(shelf.bought.get(customer, ()))
    picked: dict[int, str] = {}
    for product, source in _candidates(customer, shelf, strategy):
        if len(picked) == k:
            break
        if product in shelf.available and product not in banned:
            picked.setdefault(product, source)
    return list(picked.items())


def _candidates(customer: int, shelf: _Shelf, strategy: str) -> Iterator[tuple[int, str]]:
    if strategy == AGAIN:
        yield from ((product, HISTORY) for product in shelf.bought.get(customer, ()))
        return
    if row := shelf.stored.get(customer):
        yield from ((product, MODEL) for product in row[0])
    country, _ = shelf.customers.get(customer, ("", False))
    if country:
        yield from ((product, COUNTRY) for product in shelf.popular.get(country, ()))
    yield from ((product, EVERYWHERE) for product in shelf.popular.get("", ()))
    yield from ((product, CATALOGUE) for product in shelf.newest)


def _served(customer: int, pick: list[tuple[int, str]], shelf: _Shelf, k: int, strategy: str) -> Served:
    kept = [(shelf.chosen[product], source) for product, source in pick if product in shelf.chosen]
    country, _ = shelf.customers.get(customer, ("", False))
    row = shelf.stored.get(customer)
    used = row is not None and any(source == MODEL for _, source in kept)
    return Served(
        products=tuple(product for product, _ in kept),
        sources=tuple(source for _, source in kept),
        reasons=tuple(REASONS[source].format(country=country) for _, source in kept),
        model_version=shelf.versions.get(row[1]) if row is not None and used else None,
        shortfall=_shortfall(len(kept), k, strategy),
    )


def _shortfall(found: int, k: int, strategy: str) -> str:
    if found >= k:
        return ""
    cause = "bought before and are available" if strategy == AGAIN else "are available and not excluded"
    return f"Only {found} of {k} products: no more {cause}."
