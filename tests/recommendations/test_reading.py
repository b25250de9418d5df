from datetime import timedelta

import numpy as np
import pytest

from customers.models import Customer
from recommendations.features import customer_features, product_features, read_features
from recommendations.interactions import read_interactions
from tests.recommendations.conftest import NOW, Shop, order, refund, view

pytestmark = pytest.mark.django_db


def test_purchases_and_views_come_with_their_weights(small_shop: Shop) -> None:
    anna, tent = small_shop.customers[0], small_shop.products[0]
    order(anna, tent, NOW - timedelta(days=2))
    view(anna, tent, NOW - timedelta(days=3))
    rows = read_interactions(now=NOW)
    assert rows.users.tolist() == [anna.pk] * 2
    assert rows.items.tolist() == [tent.pk] * 2
    assert rows.weights.tolist() == [np.float32(0.1), 1.0]
    assert rows.is_purchase.tolist() == [False, True]
    assert rows.times.tolist() == [int((NOW - timedelta(days=d)).timestamp()) for d in (3, 2)]


def test_a_product_counts_once_a_day(small_shop: Shop) -> None:
    anna, tent = small_shop.customers[0], small_shop.products[0]
    for hours in (3, 4, 5):
        order(anna, tent, NOW - timedelta(days=1, hours=-hours))
    assert len(read_interactions(now=NOW)) == 1


def test_what_happened_at_or_after_now_is_not_read(small_shop: Shop) -> None:
    order(small_shop.customers[0], small_shop.products[0], NOW)
    assert len(read_interactions(now=NOW)) == 0


def test_refunded_orders_are_not_learned_from_once_they_are_refunded(small_shop: Shop) -> None:
    placed = order(small_shop.customers[0], small_shop.products[0], NOW - timedelta(days=3))
    refund(placed, NOW - timedelta(days=1))
    assert len(read_interactions(now=NOW)) == 0
    assert len(read_interactions(now=NOW - timedelta(days=1))) == 1


def test_an_order_refunded_in_part_is_learned_from(small_shop: Shop) -> None:
    placed = order(small_shop.customers[0], small_shop.products[0], NOW - timedelta(days=3))
    refund(placed, NOW - timedelta(days=2), amount_minor=placed.total_minor - 1)
    assert len(read_interactions(now=NOW)) == 1


def test_who_objects_to_profiling_is_not_learned_from(small_shop: Shop) -> None:
    anna, tent = small_shop.customers[0], small_shop.products[0]
    order(anna, tent, NOW - timedelta(days=1))
    view(anna, tent, NOW - timedelta(days=1))
    Customer.objects.filter(pk=anna.pk).update(allows_profiling=False)
    assert len(read_interactions(now=NOW)) == 0
    assert read_features(np.array([anna.pk])).users.names == ()


def test_features_of_customers_and_products_have_names(small_shop: Shop) -> None:
    features = read_features(np.array([small_shop.customers[0].pk]))
    assert features.users.names == ("country:GB",)
    assert features.items.names == ("category:camping", "category:climbing", "price:10", "price:9")


def test_what_is_unknown_of_a_customer_is_no_feature() -> None:
    assert [*customer_features(country="GB", gender="", device="mobile")] == ["country:GB", "device:mobile"]


def test_each_level_of_the_category_is_a_feature() -> None:
    found = product_features(category="camping/tents", brand="Kestrel", price_minor=9_900, name="Tent")
    assert [*found] == ["category:camping", "category:camping/tents", "brand:Kestrel", "price:13"]


def test_without_a_category_the_last_word_stands_in() -> None:
    found = product_features(
        category="", brand="", price_minor=0, name="WHITE HANGING HEART T-LIGHT HOLDER 2"
    )
    assert [*found] == ["kind:holder"]
