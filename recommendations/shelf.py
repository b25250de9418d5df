"""What a batch of customers may be shown, loaded in a fixed number of queries, and how each source orders it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import chain

from django.db.models import BigIntegerField, F, Max, Q, Value, Window
from django.db.models.functions import Coalesce, RowNumber

from common.clock import now
from customers.models import Customer, Event, EventType, OrderLine
from products.models import Product, ProductQuerySet
from recommendations.external.models import ExternalRecommendation
from recommendations.models import ModelVersion, PopularProducts, Recommendation, RelatedProducts
from recommendations.strategies import Source, Strategy

ANCHORS = 5
"""So many of the latest purchases, or of what was looked at, lead to other products."""
NEWEST, CHOICE = 200, 5_000
"""So many products of a category are looked at: for what is new, and for what is dearer."""
VIEWED_FOR = timedelta(days=30)
DEARER_FROM, DEARER_TO = 110, 250
"""Per cent of the price of what leads there."""

_ALIKE = {Source.DEARER, Source.NEW_IN_CATEGORY}
_AROUND = {*_ALIKE, Source.IN_CATEGORY}
_BOUGHT_FOR = {Source.HISTORY, Source.WITH_BOUGHT, *_AROUND}
_VIEWED_FOR = {Source.VIEWED, Source.WITH_VIEWED, *_AROUND}


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which products may stand on a shelf: paths of categories and what lies below them, a price in minor units."""

    categories: tuple[str, ...] = ()
    price_from: int | None = None
    price_to: int | None = None

    def products(self) -> ProductQuerySet:
        """The available products that may stand there."""
        scope = Q()
        for path in self.categories:
            scope |= Q(category__path=path) | Q(category__path__startswith=f"{path}/")
        if self.price_from is not None:
            scope &= Q(price_minor__gte=self.price_from)
        if self.price_to is not None:
            scope &= Q(price_minor__lte=self.price_to)
        return Product.objects.available().filter(scope)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A product that a source proposes; `about` is the product (or category) that led to it, by its name."""

    product: int
    source: Source
    about: str = ""


@dataclass(slots=True)
class Shelf:
    """What is loaded for a batch. `elsewhere` holds rankings by a model served elsewhere; `bought` and `viewed` product
    ids, the latest first; `alike` the available products of a category as (product, price in minor units, currency),
    the newest first; `popular_in` its bestsellers."""

    strategy: Strategy
    countries: dict[int, str] = field(default_factory=dict)
    elsewhere: dict[int, list[int]] = field(default_factory=dict)
    stored: dict[int, tuple[list[int], int]] = field(default_factory=dict)
    versions: dict[int, ModelVersion] = field(default_factory=dict)
    bought: dict[int, list[int]] = field(default_factory=dict)
    viewed: dict[int, list[int]] = field(default_factory=dict)
    related: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    popular: dict[str, list[int]] = field(default_factory=dict)
    popular_in: dict[int, list[int]] = field(default_factory=dict)
    trending: list[int] = field(default_factory=list)
    newest: list[int] = field(default_factory=list)
    anchors: dict[int, Product] = field(default_factory=dict)
    alike: dict[int, list[tuple[int, int, str]]] = field(default_factory=dict)
    category_of: dict[int, int | None] = field(default_factory=dict)
    """The category of each product that may be shown; what is not in here may not."""

    def candidates(self, customer: int) -> Iterator[Candidate]:
        """What the ladder's sources propose to a customer, best first; products come up more than once."""
        for source in self.strategy.ladder:
            yield from self.from_source(source, customer)

    def left_out(self, customer: int) -> set[int]:
        """What the strategy does not show to this customer."""
        banned: set[int] = set()
        if self.strategy.only_new:
            banned.update(self.bought.get(customer, ()))
        if self.strategy.only_unseen:
            banned.update(self.viewed.get(customer, ()))
        return banned

    def from_source(self, source: Source, customer: int) -> Iterable[Candidate]:
        """What one source proposes to a customer, best first, whether it may be shown or not."""
        country = self.countries.get(customer, "")
        match source:
            case Source.ELSEWHERE:
                return _all(self.elsewhere.get(customer, ()), source)
            case Source.MODEL:
                return _all(self.stored[customer][0] if customer in self.stored else (), source)
            case Source.HISTORY:
                return _all(self.bought.get(customer, ()), source)
            case Source.VIEWED:
                return _all(self._not_bought_since(customer), source)
            case Source.WITH_BOUGHT:
                return self._related(source, self.bought.get(customer, ()))
            case Source.WITH_VIEWED:
                return self._related(source, self.viewed.get(customer, ()))
            case Source.DEARER:
                return self._dearer(customer)
            case Source.NEW_IN_CATEGORY:
                return self._in_categories(customer, source, self._newest_in)
            case Source.IN_CATEGORY:
                return self._in_categories(customer, source, lambda one: self.popular_in.get(one, ()))
            case Source.TRENDING:
                return _all(self.trending, source)
            case Source.COUNTRY:
                return _all(self.popular.get(country, ()) if country else (), source)
            case Source.EVERYWHERE:
                return _all(self.popular.get("", ()), source)
            case Source.CATALOGUE:
                return _all(self.newest, source)

    def _not_bought_since(self, customer: int) -> list[int]:
        bought = set(self.bought.get(customer, ()))
        return [product for product in self.viewed.get(customer, ()) if product not in bought]

    def _related(self, source: Source, anchors: Iterable[int]) -> Iterator[Candidate]:
        """Take one neighbour of each anchor in turn, so that the first anchor does not fill the shelf alone."""
        kind = RELATED_KINDS[source]
        known = [anchor for anchor in list(anchors)[:ANCHORS] if anchor in self.anchors]
        lists = [(self.anchors[anchor].name, self.related.get((kind, anchor), [])) for anchor in known]
        for place in range(max((len(near) for _, near in lists), default=0)):
            yield from (Candidate(near[place], source, name) for name, near in lists if place < len(near))

    def _latest(self, customer: int) -> list[Product]:
        latest = chain(self.viewed.get(customer, ())[:ANCHORS], self.bought.get(customer, ())[:ANCHORS])
        return [self.anchors[anchor] for anchor in dict.fromkeys(latest) if anchor in self.anchors]

    def _dearer(self, customer: int) -> Iterator[Candidate]:
        for anchor in self._latest(customer):
            low, high = anchor.price_minor * DEARER_FROM, anchor.price_minor * DEARER_TO
            alike = self.alike.get(anchor.category_id or 0, ())
            dearer = [
                (price, product)
                for product, price, currency in alike
                if currency == anchor.currency and low <= price * 100 <= high
            ]
            yield from (Candidate(product, Source.DEARER, anchor.name) for _, product in sorted(dearer))

    def _newest_in(self, category: int) -> Iterable[int]:
        return (product for product, *_ in self.alike.get(category, [])[:NEWEST])

    def _in_categories(
        self, customer: int, source: Source, products_in: Callable[[int], Iterable[int]]
    ) -> Iterator[Candidate]:
        for category in dict.fromkeys(anchor.category for anchor in self._latest(customer)):
            if category is not None:
                yield from (Candidate(one, source, category.name) for one in products_in(category.pk))


def _all(products: Iterable[int], source: Source) -> Iterator[Candidate]:
    return (Candidate(product, source) for product in products)


RELATED_KINDS = {
    Source.WITH_BOUGHT: RelatedProducts.Kind.BOUGHT.value,
    Source.WITH_VIEWED: RelatedProducts.Kind.VIEWED.value,
}


def load(customers: Collection[int], *, strategy: Strategy, filters: Filters, enough: int) -> Shelf:
    """Load what `strategy` needs for these customers, and no more; at most eleven queries.

    `enough` of the newest are read, where the shop has so many, and more by as many as the strategy leaves out. Of who
    objects to profiling, and of ids that belong to nobody, only the country is used.
    """
    shelf = Shelf(strategy)
    sources = set(strategy.ladder)
    rows = Customer.objects.filter(pk__in=customers).values_list("pk", "country", "allows_profiling")
    profiled = []
    for pk, country, allows in rows:
        shelf.countries[pk] = country
        if allows:
            profiled.append(pk)
    if sources & {Source.ELSEWHERE, Source.MODEL}:
        _load_rankings(shelf, profiled)
        shelf.versions = ModelVersion.objects.in_bulk({version for _, version in shelf.stored.values()})
    if sources & _BOUGHT_FOR or Source.VIEWED in sources or strategy.only_new:
        shelf.bought = bought_by(profiled)
    if sources & _VIEWED_FOR or strategy.only_unseen:
        shelf.viewed = viewed_by(profiled)
    _load_popular(shelf, sources)
    if Source.CATALOGUE in sources:
        enough += max((len(shelf.left_out(one)) for one in profiled), default=0)
        newest = filters.products().order_by("-pk").values_list("pk", "category")[:enough]
        shelf.category_of = dict(newest)
        shelf.newest = list(shelf.category_of)
    _load_around_anchors(shelf, sources, filters)
    _load_categories(shelf, filters)
    return shelf


def _load_rankings(shelf: Shelf, ids: list[int]) -> None:
    """Our model's and those of a model elsewhere; one query."""
    own = Recommendation.objects.filter(pk__in=ids)
    others = ExternalRecommendation.objects.filter(pk__in=ids)
    rows = own.values_list("pk", Coalesce("fresh_ids", "product_ids"), "model_version_id").union(
        others.values_list("pk", "product_ids", Value(None, BigIntegerField())), all=True
    )
    for customer, products, version in rows:
        if version is None:
            shelf.elsewhere[customer] = products
        else:
            shelf.stored[customer] = (products, version)


def bought_by(ids: Collection[int]) -> dict[int, list[int]]:
    """What each of these customers bought, the latest first; one query."""
    lines = OrderLine.objects.filter(order__customer_id__in=ids, product__isnull=False, quantity__gt=0)
    rows = lines.order_by("-order__placed_at", "pk").values_list("order__customer_id", "product_id")
    return _in_order((customer, product) for customer, product in rows if product is not None)


def viewed_by(ids: Collection[int]) -> dict[int, list[int]]:
    """What each looked at or put into the cart in the last 30 days, the latest first; one query."""
    seen = Event.objects.filter(
        customer_id__in=ids,
        occurred_at__gte=now() - VIEWED_FOR,
        occurred_at__lte=now(),
        type__in=(EventType.PRODUCT_VIEWED, EventType.PRODUCT_ADDED),
        product_id__isnull=False,
    )
    rows = seen.values_list("customer_id", "product_id").annotate(last=Max("occurred_at"))
    latest = rows.order_by("-last", "product_id").values_list("customer_id", "product_id")
    return _in_order((customer, product) for customer, product in latest if product is not None)


def _in_order(rows: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    found: dict[int, dict[int, None]] = {}
    for customer, product in rows:
        found.setdefault(customer, {})[product] = None
    return {customer: list(products) for customer, products in found.items()}


def _load_popular(shelf: Shelf, sources: set[Source]) -> None:
    kinds, countries = PopularProducts.Kind, {*shelf.countries.values(), ""}
    wanted = [kinds.BESTSELLERS] if Source.EVERYWHERE in sources else []
    wanted += [kinds.TRENDING] if Source.TRENDING in sources else []
    if not wanted:
        return
    rows = PopularProducts.objects.filter(country__in=countries, kind__in=wanted)
    for kind, country, products in rows.values_list("kind", "country", "product_ids"):
        if kind == kinds.TRENDING:
            shelf.trending = products
        else:
            shelf.popular[country] = products


def _load_around_anchors(shelf: Shelf, sources: set[Source], filters: Filters) -> None:
    kinds = {RELATED_KINDS[source] for source in sources if source in RELATED_KINDS}
    if not kinds and not sources & _AROUND:
        return
    latest = chain(shelf.bought.values(), shelf.viewed.values())
    anchors = {product for products in latest for product in products[:ANCHORS]}
    shelf.anchors = Product.objects.select_related("category").in_bulk(anchors)
    if kinds:
        near = RelatedProducts.objects.filter(product__in=anchors, kind__in=kinds)
        for kind, product, related in near.values_list("kind", "product_id", "product_ids"):
            shelf.related[kind, product] = related
    categories = {anchor.category_id for anchor in shelf.anchors.values() if anchor.category_id}
    if Source.IN_CATEGORY in sources:
        rows_in = PopularProducts.objects.filter(
            kind=PopularProducts.Kind.IN_CATEGORY, category__in=categories
        )
        for category, products in rows_in.values_list("category_id", "product_ids"):
            shelf.popular_in[category or 0] = products
    if sources & _ALIKE:
        place = Window(RowNumber(), partition_by=F("category"), order_by=F("pk").desc())
        newest = filters.products().filter(category__in=categories).annotate(place=place)
        most = CHOICE if Source.DEARER in sources else NEWEST
        rows = newest.filter(place__lte=most).order_by("-pk")
        for product, category, price, currency in rows.values_list(
            "pk", "category", "price_minor", "currency"
        ):
            shelf.alike.setdefault(category or 0, []).append((product, price, currency))


def _load_categories(shelf: Shelf, filters: Filters) -> None:
    """Ask which of all that may come up may be shown, and note its category."""
    known = set(
        chain(
            chain.from_iterable(products for products, _ in shelf.stored.values()),
            chain.from_iterable(shelf.elsewhere.values()),
            chain.from_iterable(shelf.bought.values()),
            chain.from_iterable(shelf.viewed.values()),
            chain.from_iterable(shelf.related.values()),
            chain.from_iterable(shelf.popular.values()),
            chain.from_iterable(shelf.popular_in.values()),
            (product for alike in shelf.alike.values() for product, *_ in alike),
            shelf.trending,
        )
    )
    asked = filters.products().filter(pk__in=known - shelf.category_of.keys())
    shelf.category_of |= dict(asked.values_list("pk", "category"))
