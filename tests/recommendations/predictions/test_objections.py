"""Who objects to profiling has no score and no recommendations, whatever was being computed at that moment."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from django.db import connection, transaction

from customers import consent
from customers.merging import merge
from customers.models import Customer, Merge, Purpose, Score
from recommendations import training
from recommendations.engines.base import IntArray, Ranking
from recommendations.models import ModelVersion, Recommendation
from recommendations.predictions import interest, scores
from recommendations.predictions.interest import refresh_interest
from recommendations.predictions.scores import store_scores
from recommendations.training import store_recommendations
from tests.recommendations.conftest import NOW, Shop, order

Patch = pytest.MonkeyPatch


def elsewhere(work: Callable[[], object]) -> None:
    """Do it in a transaction of its own, as another worker does."""

    def all_of_it() -> None:
        try:
            work()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as other:
        other.submit(all_of_it).result(timeout=20)


def object_to_profiling(customer: Customer) -> None:
    consent.withdraw([customer.pk], Purpose.PROFILING, source="preferences", tells=False)


def objecting_after(
    module: object, customer: Customer, patch: Patch, then: Callable[[Customer], None]
) -> None:
    """Let somebody object when the module's long statement is done and nothing is committed."""
    patch.setattr(module, "touch", lambda ids, changed: elsewhere(lambda: then(customer)))


@pytest.mark.django_db(transaction=True)
def test_an_objection_during_the_storing_of_scores_leaves_none(monkeypatch: Patch) -> None:
    anna, berta = (Customer.objects.create(email=f"{name}@example.com") for name in ("anna", "berta"))
    objecting_after(scores, berta, monkeypatch, object_to_profiling)
    ids, values = np.array([anna.pk, berta.pk]), np.array([0.1, 0.2])
    store_scores(kind="churn", customers=ids, values=values, version="churn-1", now=NOW)
    assert list(Score.objects.values_list("customer_id", "kind")) == [(anna.pk, "churn")]


@pytest.mark.django_db(transaction=True)
def test_an_objection_during_the_storing_of_interests_leaves_none(
    small_shop: Shop, monkeypatch: Patch
) -> None:
    anna, berta = small_shop.customers[:2]
    for one in (anna, berta):
        order(one, small_shop.products[0], NOW.replace(month=5))
    objecting_after(interest, berta, monkeypatch, object_to_profiling)
    refresh_interest(NOW)
    assert list(Score.objects.values_list("customer_id", "kind")) == [(anna.pk, "interest:camping")]


@pytest.mark.django_db(transaction=True)
def test_whose_objection_is_not_committed_yet_is_not_waited_for(monkeypatch: Patch) -> None:
    anna, berta = (Customer.objects.create(email=f"{name}@example.com") for name in ("anna", "berta"))
    ids, values = np.array([anna.pk, berta.pk]), np.array([0.1, 0.2])
    with transaction.atomic():
        object_to_profiling(berta)
        elsewhere(
            lambda: store_scores(kind="churn", customers=ids, values=values, version="churn-1", now=NOW)
        )
    assert list(Score.objects.values_list("customer_id", "kind")) == [(anna.pk, "churn")]


@pytest.mark.django_db
def test_an_objection_takes_recommendations_with_the_scores(small_shop: Shop) -> None:
    anna, berta = small_shop.customers[:2]
    profile(anna)
    profile(berta)
    object_to_profiling(berta)
    assert list(Score.objects.values_list("customer_id", flat=True)) == [anna.pk]
    assert list(Recommendation.objects.values_list("customer_id", flat=True)) == [anna.pk]


@pytest.mark.django_db
@pytest.mark.parametrize("objector", [0, 1], ids=["survivor", "absorbed"])
def test_merging_with_somebody_who_objects_leaves_no_profile(small_shop: Shop, objector: int) -> None:
    pair = small_shop.customers[:2]
    object_to_profiling(pair[objector])
    profile(pair[1 - objector])
    merge(pair[0].pk, pair[1].pk, cause=Merge.Cause.REVIEW)
    assert not Score.objects.exists()
    assert not Recommendation.objects.exists()


def profile(customer: Customer) -> None:
    """A score and a row of recommendations."""
    values = {"value": 0.5, "percentile": 100, "model_version": "churn-1", "computed_at": NOW}
    Score.objects.create(customer=customer, kind="churn", **values)
    version, _ = ModelVersion.objects.get_or_create(engine="blend", number=1, defaults={"started_at": NOW})
    Recommendation.objects.create(
        customer=customer, model_version=version, product_ids=[1], scores=[0.5], computed_at=NOW
    )


class Anything:
    """A model that ranks the same product for everybody."""

    def recommend(self, users: IntArray, k: int) -> Ranking:
        return Ranking(np.ones((len(users), 1), dtype=np.int64), np.ones((len(users), 1)))


@pytest.mark.django_db(transaction=True)
def test_an_objection_during_the_storing_of_recommendations_leaves_none(
    small_shop: Shop, monkeypatch: Patch
) -> None:
    anna, berta = small_shop.customers[:2]
    version = ModelVersion.objects.create(engine="blend", number=1, started_at=NOW)
    real = training.keep_only_allowed

    def objected_before(*arguments: Any) -> None:
        elsewhere(lambda: object_to_profiling(berta))
        real(*arguments)

    monkeypatch.setattr(training, "keep_only_allowed", objected_before)
    with transaction.atomic():
        store_recommendations(version, Anything(), np.array([anna.pk, berta.pk]), lambda *told: None)
    assert list(Recommendation.objects.values_list("customer_id", flat=True)) == [anna.pk]
