"""Each way to fill a shelf: what comes first, why, what fills it up, and what it never shows."""

from datetime import timedelta

import numpy as np
import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Customer, Event
from products.models import Category, Product
from recommendations.engines.base import Interactions
from recommendations.interactions import read_interactions
from recommendations.models import ModelVersion, PopularProducts, Recommendation, RelatedProducts
from recommendations.popular import refresh_popular_products, refresh_trending_products
from recommendations.related import neighbours, refresh_related_products
from recommendations.serving import recommend
from recommendations.shelf import Filters
from recommendations.strategies import STRATEGIES
from tests.recommendations.conftest import NOW, Shop, order, view

pytestmark = pytest.mark.django_db
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def that_day(time_machine: time_machine.TimeMachineFixture) -> None:
    time_machine.move_to(NOW, tick=False)


def related(product: Product, near: list[Product], kind: str = "bought") -> None:
    ids = [one.pk for one in near]
    RelatedProducts.objects.create(kind=kind, product=product, product_ids=ids, scores=[0.5] * len(ids))


def test_what_goes_with_purchases_takes_turns_and_says_with_what(small_shop: Shop) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    order(anna, p[0], NOW - 2 * DAY)
    order(anna, p[1], NOW - DAY)
    related(p[1], [p[2], p[3]])
    related(p[0], [p[1], p[4]])
    served = recommend([anna.pk], k=3, strategy="goes_with_bought")[anna.pk]
    assert served.products == (p[2], p[3], p[4])
    assert served.reasons[0] == "Goes with Product 1, bought lately"
    assert served.reasons[2] == "Goes with Product 0, bought lately"


def test_what_goes_with_views_leaves_out_what_was_viewed_and_is_filled_with_the_newest(
    small_shop: Shop,
) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    view(anna, p[0], NOW - HOUR)
    related(p[0], [p[0], p[3]], kind="viewed")
    related(p[0], [p[1]], kind="bought")
    served = recommend([anna.pk], k=3, strategy="goes_with_viewed")[anna.pk]
    assert served.products == (p[3], p[5], p[4])
    assert served.sources == ("with_viewed", "catalogue", "catalogue")


def test_recently_viewed_is_the_latest_first_without_what_was_bought_or_is_long_ago(small_shop: Shop) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    for product, ago in ((p[0], 3 * DAY), (p[1], HOUR), (p[2], 2 * HOUR), (p[3], 31 * DAY)):
        view(anna, product, NOW - ago)
    order(anna, p[2], NOW - HOUR)
    served = recommend([anna.pk], k=3, strategy="recently_viewed")[anna.pk]
    assert served.products == (p[1], p[0])
    assert served.shortfall == (
        "Only 2 of 3 products: no more looked at lately, not bought since, and are available."
    )


def test_a_step_up_is_of_the_same_kind_and_dearer_but_not_too_dear(small_shop: Shop) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    for product, price in zip(p, (1_000, 1_099, 1_100, 9_000, 1_500, 1_500), strict=True):
        Product.objects.filter(pk=product.pk).update(price_minor=price)
    Product.objects.filter(pk=p[3].pk).update(category=p[0].category, price_minor=2_501)
    Product.objects.filter(pk=p[4].pk).update(category=p[0].category, currency="GBP")
    view(anna, p[0], NOW - HOUR)
    served = recommend([anna.pk], k=1, strategy="upsell")[anna.pk]
    assert served.products == (p[2],)
    assert served.reasons == ("A step up from Product 0",)


def test_what_is_new_comes_from_the_categories_of_the_customer_first(small_shop: Shop) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    order(anna, p[1], NOW - DAY)
    served = recommend([anna.pk], k=4, strategy="new_in_category")[anna.pk]
    assert served.products == (p[2], p[0], p[5], p[4])
    assert served.reasons[0] == "New in Camping"


def test_bestsellers_of_a_category_count_what_lies_below_it(small_shop: Shop) -> None:
    (anna, bruno, *_), p = small_shop.customers, small_shop.products
    tents = Category.objects.create(name="Tents", path="camping/tents")
    Product.objects.filter(pk=p[2].pk).update(category=tents)
    for person in (anna, bruno):
        order(person, p[2], NOW - DAY)
    order(bruno, p[1], NOW - DAY)
    order(bruno, p[4], NOW - DAY)
    refresh_popular_products(now=NOW)
    lists = PopularProducts.objects.filter(kind="in_category")
    assert {one.category.path: one.product_ids for one in lists.select_related("category")} == {
        "camping": [p[2].pk, p[1].pk],
        "camping/tents": [p[2].pk],
        "climbing": [p[4].pk],
    }


def test_what_sells_in_the_category_looked_at_last_comes_first(small_shop: Shop) -> None:
    (anna, bruno, *_), p = small_shop.customers, small_shop.products
    for product in (p[0], p[1], p[4]):
        order(bruno, product, NOW - DAY)
    refresh_popular_products(now=NOW)
    order(anna, p[0], NOW - DAY)
    view(anna, p[3], NOW - HOUR)
    served = recommend([anna.pk], k=3, strategy="popular_in_category")[anna.pk]
    assert served.products == (p[4], p[1], p[5])
    assert served.reasons[:2] == ("Bestseller in Climbing", "Bestseller in Camping")


def test_a_category_without_a_sale_loses_its_list(
    small_shop: Shop, time_machine: time_machine.TimeMachineFixture
) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    order(anna, p[0], NOW - DAY)
    refresh_popular_products(now=NOW)
    time_machine.move_to(NOW + 400 * DAY, tick=False)
    order(anna, p[4], NOW + 399 * DAY)
    refresh_popular_products()
    kept = PopularProducts.objects.filter(kind="in_category").values_list("category__path", flat=True)
    assert list(kept) == ["climbing"]


def test_trending_is_what_three_people_want_more_than_in_the_weeks_before(small_shop: Shop) -> None:
    people, p = small_shop.customers, small_shop.products
    for person in people[:3]:
        view(person, p[0], NOW - DAY)
        order(person, p[1], NOW - DAY)
        view(person, p[2], NOW - DAY)
        for weeks in range(1, 5):
            order(person, p[2], NOW - DAY - timedelta(weeks=weeks))
    for person in people[:2]:
        order(person, p[3], NOW - DAY)
    assert refresh_trending_products(now=NOW) == 2
    assert PopularProducts.objects.get(kind="trending").product_ids == [p[1].pk, p[0].pk]
    served = recommend([people[0].pk], k=2, strategy="trending")[people[0].pk]
    assert served.sources == ("trending", "trending")


def test_nothing_trends_in_an_empty_shop_and_the_list_of_last_week_goes(small_shop: Shop) -> None:
    for person in small_shop.customers[:3]:
        order(person, small_shop.products[0], NOW - DAY)
    assert refresh_trending_products(now=NOW) == 1
    assert refresh_trending_products(now=NOW + 30 * DAY) == 0


def test_bestsellers_and_trending_lists_do_not_mix(small_shop: Shop) -> None:
    for person in small_shop.customers[:3]:
        order(person, small_shop.products[0], NOW - DAY)
    refresh_trending_products(now=NOW)
    assert refresh_popular_products(now=NOW) == 3
    assert sorted(PopularProducts.objects.values_list("kind", "country")) == [
        ("bestsellers", ""),
        ("bestsellers", "FR"),
        ("bestsellers", "GB"),
        ("in_category", ""),
        ("trending", ""),
    ]


def test_prices_restrict_every_source(small_shop: Shop) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    order(anna, p[0], NOW - DAY)
    filters = Filters(price_from=1_200, price_to=1_300)
    for strategy in ("for_you", "new_in_category", "upsell", "bestsellers"):
        served = recommend([anna.pk], k=6, strategy=strategy, filters=filters)[anna.pk]
        assert set(served.products) == {p[2], p[3]}, strategy


def test_variety_comes_first_and_the_rest_waits_at_the_end(small_shop: Shop) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    version = ModelVersion.objects.create(engine="blend", number=1, status="champion", started_at=NOW)
    ids = [one.pk for one in p]
    Recommendation.objects.create(
        customer=anna, model_version=version, product_ids=ids, scores=[1.0] * 6, computed_at=NOW
    )
    served = recommend([anna.pk], k=4, most_per_category=1)[anna.pk]
    assert served.products == (p[0], p[3], p[1], p[2])


def test_who_objects_to_profiling_is_shown_nothing_personal(small_shop: Shop) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    order(anna, p[0], NOW - DAY)
    view(anna, p[1], NOW - HOUR)
    related(p[0], [p[1]])
    Customer.objects.filter(pk=anna.pk).update(allows_profiling=False)
    general = {"popular_in_country", "popular", "catalogue", "trending", "nothing"}
    for strategy in STRATEGIES:
        assert {*recommend([anna.pk], k=2, strategy=strategy)[anna.pk].sources} <= general, strategy


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_thousand_customers_cost_as_many_queries_as_one(shop: Shop, strategy: str) -> None:
    refresh_popular_products(now=NOW)
    refresh_related_products(read_interactions(now=NOW))
    view(shop.customers[0], shop.products[0], NOW - HOUR)
    counts = []
    for size in (1, 100):
        with CaptureQueriesContext(connection) as queries:
            recommend([customer.pk for customer in shop.customers[:size]], k=6, strategy=strategy)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 11


def test_every_strategy_fills_the_shelf_or_says_why_not(shop: Shop) -> None:
    refresh_popular_products(now=NOW)
    refresh_related_products(read_interactions(now=NOW))
    for strategy in STRATEGIES:
        for served in recommend([one.pk for one in shop.customers], k=30, strategy=strategy).values():
            assert len(served.products) == len(set(served.products)) <= 30
            assert (len(served.products) == 30) == (served.shortfall == "")


def test_related_products_are_those_of_the_same_people(shop: Shop) -> None:
    """Even customers buy the first twenty products, odd ones the rest: no neighbour crosses."""
    assert refresh_related_products(read_interactions(now=NOW)) == 40
    half = {product.pk: n * 2 // 40 for n, product in enumerate(shop.products)}
    for row in RelatedProducts.objects.all():
        assert {half[near] for near in row.product_ids} == {half[row.product_id]}
        assert row.product_id not in row.product_ids
        assert sorted(row.scores, reverse=True) == row.scores


def test_a_likeness_is_the_cosine_shrunk_by_how_few_attest_it() -> None:
    """Two of three buyers of 1 and of four buyers of 2 are the same; 2/√12 · 2/(2+5)."""
    pairs = [(1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (4, 2), (5, 2), (3, 3)]
    users, items = (np.array(column, dtype=np.int64) for column in zip(*pairs, strict=True))
    weights, times = np.ones(len(pairs), dtype=np.float32), np.zeros(len(pairs), dtype=np.int64)
    given = Interactions(
        users, items, weights, times, as_of=0, is_purchase=np.ones(len(pairs), dtype=np.bool_)
    )
    found = {item: (near, scores) for item, near, scores in neighbours(given)}
    assert {item: near for item, (near, _) in found.items()} == {1: [2], 2: [1]}
    assert found[1][1] == pytest.approx([2 / 12**0.5 * 2 / 7])


def test_products_that_are_gone_are_not_stored_as_neighbours_of_anything(small_shop: Shop) -> None:
    p = small_shop.products
    for person in small_shop.customers[:2]:
        view(person, p[0], NOW - DAY)
        view(person, p[1], NOW - DAY)
    read = read_interactions(now=NOW)
    p[0].delete()
    assert refresh_related_products(read) == 1
    assert Event.objects.count() == 4


def test_an_empty_shop_has_no_neighbours(db: None) -> None:
    assert refresh_related_products(read_interactions(now=NOW)) == 0


@pytest.mark.parametrize("hour", [3, 12, 23])
def test_what_sells_the_same_every_day_does_not_trend_at_any_hour(small_shop: Shop, hour: int) -> None:
    at = NOW.replace(hour=hour)
    for person in small_shop.customers:
        for days in range(40):
            order(person, small_shop.products[0], at - days * DAY - HOUR)
    assert refresh_trending_products(now=at) == 0


def test_a_shelf_is_filled_however_many_of_the_newest_are_left_out(small_shop: Shop) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    newer = Product.objects.bulk_create(
        Product(source="shop", external_id=f"n{n}", name=f"Newer {n}", currency="EUR") for n in range(60)
    )
    served = recommend([anna.pk], k=4, exclude=[one.pk for one in newer])[anna.pk]
    assert served.products == (p[5], p[4], p[3], p[2])
    for one in newer:
        order(anna, one, NOW - DAY)
    assert recommend([anna.pk], k=4, strategy="discover")[anna.pk].products == (p[5], p[4], p[3], p[2])


def test_a_step_up_is_found_behind_hundreds_of_newer_and_cheaper_ones(small_shop: Shop) -> None:
    anna, p = small_shop.customers[0], small_shop.products
    Product.objects.bulk_create(
        Product(
            source="shop",
            external_id=f"n{n}",
            name=f"N {n}",
            currency="EUR",
            category=p[0].category,
            price_minor=5,
        )
        for n in range(250)
    )
    Product.objects.filter(pk=p[1].pk).update(price_minor=1_999)
    Product.objects.filter(pk=p[2].pk).update(price_minor=1_100)
    view(anna, p[0], NOW - HOUR)
    assert recommend([anna.pk], k=2, strategy="upsell")[anna.pk].products == (p[2], p[1])
