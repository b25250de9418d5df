"""How scores lie among customers, and the pages that show it."""

import numpy as np
import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Role, User
from customers.models import Customer
from recommendations.predictions.distribution import distribution, interests
from recommendations.predictions.interest import refresh_interest
from recommendations.predictions.scores import store_scores
from segments.score_kinds import stored_kinds
from tests.recommendations.conftest import NOW, Shop, view

pytestmark = pytest.mark.django_db
PAGES = "/recommendations/predictions/"


@pytest.fixture(autouse=True)
def nothing_kept() -> None:
    cache.clear()


@pytest.fixture
def viewer(client: Client) -> Client:
    client.force_login(User.objects.create_user("view@example.com", role=Role.VIEWER))
    return client


def score(kind: str, values: list[float]) -> None:
    people = Customer.objects.bulk_create(
        Customer(email=f"{kind}{n}@example.com") for n in range(len(values))
    )
    ids = np.array([one.pk for one in people])
    store_scores(kind=kind, customers=ids, values=np.array(values), version=f"{kind}-1", now=NOW)


def test_each_customer_is_in_one_of_twenty_steps() -> None:
    score("churn", [n / 100 for n in range(101)])
    found = distribution("churn")
    assert found is not None
    (series,) = found.chart.series
    assert series.values == [5] * 19 + [6]
    assert (found.chart.categories[0], found.chart.categories[-1]) == ("0 % – 5 %", "95 % – 100 %")
    assert (found.customers, found.low_fifth, found.median, found.high_fifth) == (
        101,
        "20 %",
        "50 %",
        "80 %",
    )


def test_a_few_very_high_scores_share_the_last_step() -> None:
    score("ltv", [float(n) for n in range(100)] + [1_000_000.0])
    found = distribution("ltv")
    assert found is not None
    (series,) = found.chart.series
    assert found.chart.categories[-1] == "€95.00 and more"
    assert (sum(series.values), series.values[-1]) == (101, 6)


def test_scores_that_are_all_alike_are_one_step_and_none_are_nothing() -> None:
    score("churn", [0.5, 0.5])
    found = distribution("churn")
    assert found is not None
    assert (found.chart.categories, found.chart.series[0].values) == (["50 % – 100 %"], [2])
    assert distribution("uplift") is None


def test_interests_count_who_was_there_and_who_is_there_half_of_the_time(
    small_shop: Shop, viewer: Client
) -> None:
    anna, ben = small_shop.customers[:2]
    for customer, product in ((anna, 0), (anna, 1), (anna, 5), (ben, 5)):
        view(customer, small_shop.products[product], NOW)
    refresh_interest(NOW.replace(hour=1))
    found, as_of = interests()
    assert [(one.kind, one.visitors, one.devoted) for one in found] == [
        ("interest:climbing", 2, 1),
        ("interest:camping", 1, 1),
    ]
    assert as_of == NOW.replace(hour=1)
    page = viewer.get(f"{PAGES}interest/").content.decode()
    assert "interest:climbing" in page
    assert stored_kinds() == ["interest:camping", "interest:climbing"]


def test_the_page_of_engagement_tells_the_formula_and_the_distribution(viewer: Client) -> None:
    assert "Nobody has a score yet" in viewer.get(f"{PAGES}engagement/").content.decode()
    cache.clear()
    score("engagement", [10.0, 55.0, 90.0])
    page = viewer.get(f"{PAGES}engagement/").content.decode()
    assert "Half have less than 55" in page
    assert "a click weighs three times an open" in page


def test_an_empty_shop_is_told_what_to_do(viewer: Client) -> None:
    assert "Nobody is interested in anything yet" in viewer.get(f"{PAGES}interest/").content.decode()
    assert stored_kinds() == []


@pytest.mark.parametrize("page", ["engagement/", "interest/", "churn/"])
def test_scores_cost_no_queries(viewer: Client, page: str) -> None:
    counts = []
    for values, kinds in (
        ([0.1], ["churn", "engagement", "interest:tents"]),
        ([0.1, 0.7], ["interest:ropes"]),
    ):
        for kind in kinds:
            score(kind, values)
        cache.clear()
        with CaptureQueriesContext(connection) as captured:
            assert viewer.get(PAGES + page).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]
