"""What customers are interested in: a share per category, compared within it."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from customers.models import Customer, Score
from products.models import Category, Product
from recommendations.predictions.interest import refresh_interest
from tests.recommendations.conftest import NOW, Shop, order, view

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def scores(customer: Customer) -> dict[str, tuple[float, float]]:
    rows = Score.objects.filter(customer=customer).values_list("kind", "value", "percentile")
    return {kind: (value, percentile) for kind, value, percentile in rows}


def test_interest_is_the_faded_share_of_a_category(small_shop: Shop) -> None:
    anna, berta = small_shop.customers[:2]
    camping, climbing = small_shop.products[0], small_shop.products[5]
    order(anna, camping, NOW - 60 * DAY)
    view(anna, climbing, NOW - 60 * DAY)
    order(berta, camping, NOW - DAY)
    assert refresh_interest(NOW) == 2
    assert scores(anna) == {
        "interest:camping": (pytest.approx(1 / 1.1), 50),
        "interest:climbing": (pytest.approx(0.1 / 1.1), 100),
    }
    assert scores(berta) == {"interest:camping": (1, 100)}


def test_a_category_counts_what_lies_below_it(small_shop: Shop) -> None:
    tents = Category.objects.create(name="Tents", path="camping/tents")
    Product.objects.filter(pk=small_shop.products[0].pk).update(category=tents)
    order(small_shop.customers[0], small_shop.products[0], NOW - DAY)
    refresh_interest(NOW)
    assert set(scores(small_shop.customers[0])) == {"interest:camping", "interest:camping/tents"}


def test_only_whole_names_lie_above_a_category(small_shop: Shop) -> None:
    paths = ["camp", "camping/tents/small", "camping/tentsandmore", "climbing/ropes/dry/9 mm"]
    for product, path in zip(small_shop.products, paths, strict=False):
        category = Category.objects.create(name=path, path=path)
        Product.objects.filter(pk=product.pk).update(category=category)
        order(small_shop.customers[0], product, NOW - DAY)
    refresh_interest(NOW)
    assert {kind: value for kind, (value, _) in scores(small_shop.customers[0]).items()} == {
        "interest:camp": 0.25,
        "interest:camping": 0.5,
        "interest:camping/tents/small": 0.25,
        "interest:camping/tentsandmore": 0.25,
        "interest:climbing": 0.25,
        "interest:climbing/ropes/dry/9 mm": 0.25,
    }


def test_no_customer_is_held_against_each_category(small_shop: Shop) -> None:
    with CaptureQueriesContext(connection) as ran:
        refresh_interest(NOW)
    (query,) = [one["sql"] for one in ran if "customers_orderline" in one["sql"]]
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")
        cursor.execute("EXPLAIN " + query)
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "products_category" in plan
    assert "Nested Loop" not in plan


def test_who_objects_loses_the_scores_and_the_future_is_not_read(small_shop: Shop) -> None:
    anna, berta = small_shop.customers[:2]
    for one in (anna, berta):
        order(one, small_shop.products[0], NOW - DAY)
    refresh_interest(NOW)
    Customer.objects.filter(pk=anna.pk).update(allows_profiling=False)
    order(berta, small_shop.products[5], NOW)
    refresh_interest(NOW)
    assert scores(anna) == {}
    assert scores(berta) == {"interest:camping": (1, 100)}
