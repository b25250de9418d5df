"""What every engine would say to one customer, and why."""

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.models import Role, User
from common.clock import now
from customers.models import Customer
from recommendations.explaining import explain
from recommendations.features import read_features
from recommendations.interactions import read_interactions
from recommendations.likeness import likenesses
from recommendations.models import ModelVersion, Recommendation
from recommendations.opinions import Opinion, opinions
from recommendations.recipes import build_engine
from recommendations.training import store_artefact, train
from tests.recommendations.conftest import NOW, Shop, view

pytestmark = pytest.mark.django_db


def of(customer: Customer, engine: str) -> Opinion:
    return next(one for one in opinions(customer).all if one.engine == engine)


def half(shop: Shop, opinion: Opinion) -> set[int]:
    """Which half of the catalogue the proposals are from: 0 camping, 1 climbing."""
    place = {product.pk: number * 2 // len(shop.products) for number, product in enumerate(shop.products)}
    return {place[one.product.pk] for one in opinion.proposals}


@pytest.mark.parametrize(
    ("engine", "parts"),
    [
        ("blend", {"Item neighbours", "LightFM, by the vectors of products"}),
        ("sequential_knn", {"Sequential neighbours"}),
        ("ease", {"Linear model (EASE)"}),
        ("popularity", set()),
    ],
    ids=["blend", "sequential", "ease", "popularity"],
)
def test_each_part_of_the_model_speaks_for_itself(shop: Shop, engine: str, parts: set[str]) -> None:
    version = stored(engine, shop)
    assert {one.label for one in likenesses(version)} == parts


def stored(engine: str, shop: Shop) -> ModelVersion:
    """A version with the file of a model fitted on the shop, whether it is good or not."""
    interactions = read_interactions(now=NOW)
    version = ModelVersion.objects.create(engine=engine, number=9, status="retired", started_at=NOW)
    model = build_engine(engine).fit(interactions, read_features(np.unique(interactions.users)))
    store_artefact(version, model)
    return version


def test_the_model_and_its_parts_know_the_taste_and_name_what_was_bought(shop: Shop) -> None:
    train(now=NOW)
    for customer, taste in zip(shop.customers[:2], (0, 1), strict=True):
        for engine in ("The model in use", "Item neighbours", "Goes with purchases"):
            assert half(shop, of(customer, engine)) == {taste}, engine
    neighbours = of(shop.customers[0], "Item neighbours")
    assert all(one.because and one.because[0].verb == "bought" for one in neighbours.proposals)


def test_what_is_not_available_is_in_nobodys_opinion(shop: Shop) -> None:
    train(now=NOW)
    customer = shop.customers[0]
    gone = {one.product.pk for opinion in opinions(customer).all for one in opinion.proposals}
    type(shop.products[0]).objects.filter(pk__in=gone).update(is_available=False)
    left = {one.product.pk for opinion in opinions(customer).all for one in opinion.proposals}
    assert left and not left & gone


def test_who_objects_to_profiling_has_only_lists_that_are_the_same_for_all(shop: Shop) -> None:
    train(now=NOW)
    customer = shop.customers[0]
    customer.allows_profiling = False
    customer.save(update_fields=["allows_profiling"])
    found = opinions(customer)
    assert found.model_version is None
    assert {one.engine for one in found.all if one.proposals} == {
        "Popular in the country",
        "Trending",
        "Popular everywhere",
        "Newest",
    }


def test_a_view_is_a_reason_too(shop: Shop) -> None:
    train(now=NOW)
    newcomer = Customer.objects.create(email="new@example.com")
    version = ModelVersion.objects.get(status="champion")
    near = likenesses(version)[0].from_acts([shop.products[0].pk], k=1, banned=[shop.products[0].pk])
    Recommendation.objects.create(
        customer=newcomer, model_version=version, product_ids=near, scores=[1.0], computed_at=NOW
    )
    view(newcomer, shop.products[0], now())
    first = explain(newcomer.pk, k=1).shown[0]
    assert [(act.verb, act.product) for act in first.because] == [("looked at", shop.products[0])]


def test_a_missing_file_is_said_and_lists_still_speak(shop: Shop) -> None:
    version = train(now=NOW)
    ModelVersion.objects.filter(pk=version.pk).update(artefact_path="gone.npz")
    found = opinions(shop.customers[0])
    assert found.problem.startswith(f"The file of {version} is missing or damaged")
    assert found.all[0].engine == "Buy again"


def test_the_page_shows_it_in_a_bounded_number_of_queries(shop: Shop, client: Client) -> None:
    train(now=NOW)
    client.force_login(User.objects.create_user("view@example.com", role=Role.VIEWER))
    url = reverse("recommendations:engines", args=[shop.customers[0].public_id])
    with CaptureQueriesContext(connection) as queries:
        html = client.get(url).content.decode()
    assert "Because they bought Product" in html
    assert len(queries) <= 30
    assert (
        url
        in client.get(reverse("recommendations:inspect", args=[shop.customers[0].public_id])).content.decode()
    )


def test_somebody_new_is_told_so(small_shop: Shop, client: Client) -> None:
    client.force_login(User.objects.create_user("view@example.com", role=Role.VIEWER))
    html = client.get(
        reverse("recommendations:engines", args=[small_shop.customers[0].public_id])
    ).content.decode()
    assert "No model has ranked for this customer yet" in html
    assert "It has nothing to say about this customer." in html
