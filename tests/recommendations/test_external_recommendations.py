"""Products ranked by a model elsewhere: checked, shown first, with our own recommender to fall back on."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from pytest_django import Settings

from accounts.models import Role, User
from common import clock
from customers import consent
from customers.models import Alert, Customer, Purpose
from products.models import Product
from recommendations.explaining import explain
from recommendations.external import asking
from recommendations.external.models import ExternalModel, ExternalRecommendation
from recommendations.external.refreshing import refresh
from recommendations.models import ModelVersion, Recommendation
from recommendations.opinions import opinions
from recommendations.serving import recommend
from tests.recommendations.conftest import NOW, Shop, order
from tests.recommendations.elsewhere import Served, serving, write

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def folder(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    settings.EXTERNAL_DIR = tmp_path / "external"
    settings.EXTERNAL_DIR.mkdir()
    monkeypatch.setattr(asking, "WAIT_SECONDS", 0.0)
    return settings.EXTERNAL_DIR


@pytest.fixture
def served() -> Iterator[Served]:
    with serving() as server:
        answer(server, lambda _: ["p3", "p1"])
        yield server


@pytest.fixture
def model(served: Served) -> ExternalModel:
    return ExternalModel.objects.create(
        key="twin",
        gives="recommendations",
        source="http",
        location=f"http://127.0.0.1:{served.server_port}/rank",
    )


@pytest.fixture
def file() -> ExternalModel:
    return ExternalModel.objects.create(
        key="twin", gives="recommendations", source="parquet", location="twin.parquet"
    )


def answer(served: Served, products: Any) -> None:
    """Let the model give each customer asked about what `products(id)` says."""

    def say(question: dict[str, Any]) -> Any:
        rows = [{"id": one["id"], "products": products(one["id"])} for one in question["customers"]]
        return {"version": "7", "recommendations": rows}

    served.say = say  # type: ignore[method-assign]


def own_ranking(shop: Shop, customer: Customer, *numbers: int) -> None:
    """What our own model ranked for a customer."""
    version, _ = ModelVersion.objects.get_or_create(
        engine="popularity", number=1, status=ModelVersion.Status.CHAMPION, started_at=NOW
    )
    Recommendation.objects.create(
        customer=customer,
        model_version=version,
        product_ids=[shop.products[n].pk for n in numbers],
        scores=[1.0] * len(numbers),
        computed_at=NOW,
    )


def shown(customer: Customer, **wanted: Any) -> list[str]:
    served = recommend([customer.pk], **({"k": 3} | wanted))[customer.pk]
    return [
        f"{product.external_id} {source}"
        for product, source in zip(served.products, served.sources, strict=True)
    ]


def stored() -> dict[int, list[int]]:
    return dict(ExternalRecommendation.objects.values_list("pk", "product_ids"))


def alert() -> tuple[str, str] | None:
    return Alert.objects.filter(resolved_at=None).values_list("severity", "title").first()


def test_its_products_come_first_and_our_own_fill_the_shelf(
    small_shop: Shop, model: ExternalModel, served: Served
) -> None:
    somebody = small_shop.customers[0]
    own_ranking(small_shop, somebody, 1, 5)
    found = refresh(model.pk)
    assert shown(somebody) == ["p3 elsewhere", "p1 elsewhere", "p5 model"]
    assert (found.is_in_use, found.scored, found.verdict) == (
        True,
        4,
        "4 customers given products by version 7.",
    )
    question = served.asked[0]
    assert (question["recommendations"], question["most"], len(question["customers"])) == ("twin", 50, 4)


def test_what_was_bought_or_is_not_available_is_passed_over(small_shop: Shop, model: ExternalModel) -> None:
    somebody = small_shop.customers[0]
    order(somebody, small_shop.products[3], NOW - timedelta(days=3))
    refresh(model.pk)
    assert shown(somebody, strategy="discover", k=1) == ["p1 elsewhere"]
    Product.objects.filter(external_id="p1").update(is_available=False)
    assert shown(somebody, k=1) == ["p3 elsewhere"]


def test_who_objects_is_not_asked_about_and_what_was_said_goes(
    small_shop: Shop, model: ExternalModel
) -> None:
    refresh(model.pk)
    assert len(stored()) == 4
    consent.withdraw([small_shop.customers[1].pk], Purpose.PROFILING, source="preferences", tells=False)
    assert small_shop.customers[1].pk not in stored()
    refresh(model.pk)
    assert len(stored()) == 3


@pytest.mark.parametrize(
    ("products", "why"),
    [
        ("p1", "the products 'p1' are no list of texts"),
        (["p1", 2], "the products ['p1', 2] are no list of texts"),
        (None, "the products None are no list of texts"),
        ([], "there are 0 products; 1 to 50 are taken"),
        (["p1"] * 51, "there are 51 products; 1 to 50 are taken"),
        (["p1", "p1"], "a product comes a second time"),
        (["x9"], "none of its products is in the catalogue, such as 'x9'"),
    ],
)
def test_a_bad_ranking_is_named_with_its_place(
    small_shop: Shop, model: ExternalModel, served: Served, products: Any, why: str
) -> None:
    answer(served, lambda _: products)
    assert f"4 of 4 rows are bad: recommendations[0]: {why}" in refresh(model.pk).verdict
    assert (stored(), alert()) == ({}, ("danger", "The model for twin cannot be used"))


def test_products_that_are_not_in_the_catalogue_are_passed_over_and_counted(
    small_shop: Shop, model: ExternalModel, served: Served
) -> None:
    answer(served, lambda _: ["gone", "p2"])
    assert "4 products passed over that are not in the catalogue." in refresh(model.pk).verdict
    assert set(map(tuple, stored().values())) == {(small_shop.products[2].pk,)}


def test_the_same_id_of_two_sources_is_told_apart_by_the_source(
    small_shop: Shop, model: ExternalModel, served: Served
) -> None:
    other = Product.objects.create(
        source="till", external_id="p3", name="Another", currency="EUR", price_minor=1
    )
    answer(served, lambda _: ["p3", "till:p3"])
    refresh(model.pk)
    assert set(map(tuple, stored().values())) == {(other.pk,)}


def test_a_parquet_file_of_lists_is_read(small_shop: Shop, file: ExternalModel, folder: Path) -> None:
    rows = ", ".join(f"('{one.public_id}', ['p5', 'p0'])" for one in small_shop.customers)
    write(folder / "twin.parquet", f"SELECT * FROM (VALUES {rows}) AS rows (customer, products)")
    assert refresh(file.pk).scored == 4
    assert shown(small_shop.customers[0], k=2) == ["p5 elsewhere", "p0 elsewhere"]


def test_a_file_without_lists_stores_nothing(small_shop: Shop, file: ExternalModel, folder: Path) -> None:
    write(folder / "twin.parquet", "SELECT 'a' AS customer, 'p1' AS products")
    assert "the column products must hold lists of text, and is VARCHAR" in refresh(file.pk).verdict
    assert stored() == {}


def test_a_silent_model_keeps_its_last_answer_until_that_is_too_old(
    small_shop: Shop, model: ExternalModel, served: Served
) -> None:
    somebody = small_shop.customers[0]
    own_ranking(small_shop, somebody, 5)
    refresh(model.pk)
    served.status = 500
    refresh(model.pk)
    assert shown(somebody, k=1) == ["p3 elsewhere"]
    assert alert() == (
        "warning",
        "The model for twin cannot be used; its last recommendations stay in use for now",
    )
    ExternalModel.objects.update(answered_at=clock.now() - timedelta(hours=73))
    assert refresh(model.pk).verdict.endswith("Our own recommendations are in use again.")
    assert (stored(), shown(somebody, k=1)) == ({}, ["p5 model"])
    assert alert() == ("danger", "The model for twin is late: our own recommendations are in use again.")


def test_one_that_is_switched_off_leaves_the_shelf_to_ours(small_shop: Shop, model: ExternalModel) -> None:
    refresh(model.pk)
    ExternalModel.objects.update(is_enabled=False)
    assert (refresh(model.pk).is_in_use, stored()) == (False, {})


def test_the_inspector_names_it_and_shows_what_it_says(
    small_shop: Shop, model: ExternalModel, client: Client
) -> None:
    refresh(model.pk)
    somebody = small_shop.customers[0]
    assert explain(somebody.pk).elsewhere == "twin, version 7, elsewhere"
    said = next(one for one in opinions(somebody, k=2).all if one.engine == "A model elsewhere")
    assert [one.product.external_id for one in said.proposals] == ["p3", "p1"]
    client.force_login(User.objects.create_user("m@example.com", role=Role.MARKETER))
    assert b"4 customers given products by version 7." in client.get("/recommendations/").content


def test_there_is_one_at_most(model: ExternalModel) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        ExternalModel.objects.create(
            key="other", gives="recommendations", source="http", location="https://x"
        )
