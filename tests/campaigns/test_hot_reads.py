"""The short way to a stored ranking answers what the long way would, or leaves it to that."""

import json
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import ApiKey
from campaigns import api
from campaigns.hot_reads import stored_ranking
from customers.models import Customer
from products.models import Category, Product
from recommendations.models import Recommendation
from tests.campaigns.making import bestsellers, launched, people, rules
from tests.campaigns.test_api import prefer, recommendations

pytestmark = pytest.mark.django_db


def long_way(customer: Customer, k: int) -> dict[str, Any]:
    """The same answer without the stored ranking's statement."""
    answer = api._recommended(str(customer.public_id), k=k, strategy="for_you")
    return json.loads(json.dumps(answer, default=str))


def short_way(customer: Customer, k: int) -> dict[str, Any] | None:
    answer = stored_ranking(str(customer.public_id), k=k)
    return json.loads(json.dumps(answer, default=str)) if answer else None


@pytest.fixture
def shop() -> tuple[Customer, list[Product]]:
    products = bestsellers(6)
    Product.objects.filter(pk=products[4].pk).update(
        url="/p/4",
        image_url="https://cdn.example/4.png",
        category=Category.objects.create(name="A", path="a/b"),
    )
    [customer] = people(1, consenting=False)
    prefer(customer, [products[n].pk for n in (5, 4, 3, 2)])
    return customer, products


def test_both_ways_say_the_same(shop: tuple[Customer, list[Product]]) -> None:
    customer, products = shop
    Product.objects.filter(pk=products[5].pk).update(is_available=False)
    assert short_way(customer, 3) == long_way(customer, 3)
    assert [one["external_id"] for one in short_way(customer, 3)["products"]] == ["p4", "p3", "p2"]
    assert recommendations(customer, k=3)[2] == long_way(customer, 3)


def test_what_was_freshened_is_what_counts(shop: tuple[Customer, list[Product]]) -> None:
    customer, products = shop
    Recommendation.objects.update(fresh_ids=[products[0].pk, products[1].pk])
    assert [one["external_id"] for one in short_way(customer, 2)["products"]] == ["p0", "p1"]
    assert short_way(customer, 2) == long_way(customer, 2)


def test_too_few_products_are_left_to_the_long_way(shop: tuple[Customer, list[Product]]) -> None:
    customer, _ = shop
    assert short_way(customer, 5) is None
    assert [one["given_by"] for one in recommendations(customer, k=5)[2]["products"]][-1] == "popular"


def test_what_rules_leave_out_is_left_to_the_long_way(shop: tuple[Customer, list[Product]]) -> None:
    customer, _ = shop
    rules(otherwise={"exclude": {"products": ["p4"]}})
    assert short_way(customer, 1)["products"][0]["external_id"] == "p5"
    assert short_way(customer, 2) is None
    assert [one["external_id"] for one in recommendations(customer, k=2)[2]["products"]] == ["p5", "p3"]


def test_nobody_is_served_what_they_must_not_get(shop: tuple[Customer, list[Product]]) -> None:
    customer, _ = shop
    mine = Customer.objects.filter(pk=customer.pk)
    assert short_way(customer, 1) is not None
    mine.update(allows_profiling=False)
    assert short_way(customer, 1) is None
    mine.update(allows_profiling=True, merged_into=people(2)[1])
    assert short_way(customer, 1) is None
    mine.update(merged_into=None)
    assert short_way(customer, 1) is not None
    mine.delete()
    assert short_way(customer, 1) is None


@pytest.mark.parametrize("who", ["", "17", "not-an-id", "9f345e8e-8d93-4b82-88aa-debc8b1e1574"])
def test_an_id_that_belongs_to_nobody_has_no_ranking(db: None, who: str) -> None:
    assert stored_ranking(who, k=1) is None


def test_whoever_is_in_a_baseline_arm_has_none(db: None) -> None:
    products = bestsellers(3)
    crowd = people(20)
    for one in crowd:
        prefer(one, [products[2].pk])
    campaign, _ = launched()
    arms = dict(campaign.recipients.values_list("customer_id", "variant_key"))
    assert {one.pk for one in crowd if short_way(one, 1) is None} == {
        who for who, key in arms.items() if key == "a"
    }


def test_a_read_takes_the_key_and_one_statement(shop: tuple[Customer, list[Product]]) -> None:
    customer, _ = shop
    _, secret = ApiKey.objects.issue(name="esp", scopes=[ApiKey.Scope.RECOMMENDATIONS_READ])
    client, url = (
        Client(headers={"Authorization": f"Bearer {secret}"}),
        f"/api/v1/customers/{customer.public_id}/recommendations?k=2",
    )
    assert client.get(url).status_code == 200
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    assert len(queries) == 2


@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_only_reading_is_understood(shop: tuple[Customer, list[Product]], method: str) -> None:
    customer, _ = shop
    _, secret = ApiKey.objects.issue(name="esp", scopes=[ApiKey.Scope.RECOMMENDATIONS_READ])
    client = Client(headers={"Authorization": f"Bearer {secret}"})
    answer = getattr(client, method)(f"/api/v1/customers/{customer.public_id}/recommendations")
    assert (answer.status_code, answer["Content-Type"]) == (405, "application/problem+json")
