"""One step back to the recommender that was in use before: asked for on the page, done by the worker."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Role, User
from config.celery import app
from customers.models import Customer, Order
from products.models import Product
from recommendations import progress, registry
from recommendations.models import ModelVersion, Recommendation
from recommendations.serving import recommend
from recommendations.tasks import go_back_to_the_version_before
from recommendations.training import train
from tests.recommendations.conftest import NOW, Shop, order

pytestmark = pytest.mark.django_db
OVERVIEW = "/recommendations/"
Status = ModelVersion.Status


@pytest.fixture(autouse=True)
def nothing_under_way(db: None) -> None:
    cache.clear()
    with app.connection_for_write() as broker:
        broker.default_channel.client.delete("train")


@pytest.fixture
def marketer(client: Client) -> Client:
    client.force_login(User.objects.create_user("m@example.com", role=Role.MARKETER))
    return client


@pytest.fixture
def two(shop: Shop) -> tuple[ModelVersion, ModelVersion]:
    """Two versions of one recipe, the first learned from what lies ten days further back."""
    first, second = (train(now=NOW - timedelta(days=days), engine="item_knn") for days in (10, 0))
    assert second.status == Status.CHAMPION
    first.refresh_from_db()
    return first, second


def back(champion: ModelVersion, before: ModelVersion) -> None:
    go_back_to_the_version_before.apply(
        kwargs={"champion_id": champion.pk, "before_id": before.pk}, throw=True
    )
    champion.refresh_from_db()
    before.refresh_from_db()


def test_the_page_queues_it_and_the_worker_serves_the_version_before(
    marketer: Client,
    two: tuple[ModelVersion, ModelVersion],
    shop: Shop,
    django_capture_on_commit_callbacks: Any,
) -> None:
    first, second = two
    assert "Go back to item_knn v1" in marketer.get(OVERVIEW).content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        page = marketer.post(reverse("recommendations:go_back"), follow=True).content.decode()
    assert "item_knn v1 is made again in the background; until then item_knn v2 stays in use." in page
    assert "Going back to the version before" in page
    assert registry.champion() == second
    back(second, first)
    assert (first.status, second.status) == (Status.CHAMPION, Status.REJECTED)
    assert progress.current() is None
    assert set(Recommendation.objects.values_list("model_version", flat=True)) == {first.pk}
    served = recommend([shop.customers[0].pk], k=6)[shop.customers[0].pk]
    assert served.model_version == first
    assert {p.category.path for p in served.products if p.category} == {"camping"}
    assert "Go back to" not in marketer.get(OVERVIEW).content.decode()


def test_it_is_the_very_model_of_then_where_nothing_changed(two: tuple[ModelVersion, ModelVersion]) -> None:
    first, second = two
    sha256 = first.artefact_sha256
    back(second, first)
    assert first.artefact_sha256 == sha256
    assert "and is exactly the model of then." in first.verdict


def test_it_says_where_it_is_not_the_very_model_of_then(two: tuple[ModelVersion, ModelVersion]) -> None:
    first, second = two
    Order.objects.filter(placed_at__lt=NOW - timedelta(days=90)).delete()
    back(second, first)
    assert first.status == Status.CHAMPION
    assert "not bit for bit the model of then" in first.verdict


def test_a_lost_file_does_not_matter(two: tuple[ModelVersion, ModelVersion], models_dir: Path) -> None:
    first, second = two
    (models_dir / first.artefact_path).unlink()
    back(second, first)
    assert first.status == Status.CHAMPION
    assert (models_dir / first.artefact_path).exists()


def test_what_customers_did_since_is_known_to_it(two: tuple[ModelVersion, ModelVersion], shop: Shop) -> None:
    first, second = two
    newcomer = Customer.objects.create(email="new@example.com")
    for product in shop.products[:6]:
        order(newcomer, product, NOW - timedelta(days=1))
    back(second, first)
    camping = {product.pk for product in shop.products[:20]}
    assert set(Recommendation.objects.get(customer=newcomer).product_ids[:6]) <= camping


def test_a_catalogue_that_is_too_old_is_refused_in_a_sentence(
    marketer: Client, two: tuple[ModelVersion, ModelVersion], shop: Shop
) -> None:
    first, second = two
    for number in range(6):
        new = Product.objects.create(
            source="shop", external_id=f"new{number}", name="New", price_minor=100, currency="EUR"
        )
        for customer in shop.customers:
            order(customer, new, NOW - timedelta(days=2))
    back(second, first)
    assert (first.status, second.status) == (Status.RETIRED, Status.CHAMPION)
    assert "its catalogue is too old. It knows " in first.verdict
    assert "its catalogue is too old" in marketer.get(OVERVIEW).content.decode()
    assert set(Recommendation.objects.values_list("model_version", flat=True)) == {second.pk}


def test_a_forgotten_recipe_is_refused_in_a_sentence(two: tuple[ModelVersion, ModelVersion]) -> None:
    first, second = two
    ModelVersion.objects.filter(pk=first.pk).update(parameters={"a_setting_of_the_past": 1})
    back(second, first)
    assert first.status == Status.RETIRED
    assert "its recipe is not known any more" in first.verdict


def test_a_task_that_is_delivered_twice_goes_back_once(two: tuple[ModelVersion, ModelVersion]) -> None:
    first, second = two
    back(second, first)
    verdict = first.verdict
    back(second, first)
    assert (first.status, first.verdict, second.status) == (Status.CHAMPION, verdict, Status.REJECTED)


def test_it_is_noted_who_went_back_and_a_viewer_or_analyst_may_not(
    marketer: Client, two: tuple[ModelVersion, ModelVersion]
) -> None:
    for role in (Role.VIEWER, Role.ANALYST):
        other = Client()
        other.force_login(User.objects.create_user(f"{role}@example.com", role=role))
        assert other.post(reverse("recommendations:go_back")).status_code == 403
    marketer.post(reverse("recommendations:go_back"))
    assert AuditEntry.objects.get(action="recommendations:go_back").user.email == "m@example.com"


def test_without_a_version_before_there_is_nothing_to_go_back_to(marketer: Client, shop: Shop) -> None:
    train(now=NOW, engine="item_knn")
    page = marketer.post(reverse("recommendations:go_back"), follow=True).content.decode()
    assert "There is no version to go back to." in page
