"""From history to scores: judged in time, gated, stored with percentile and version."""

from datetime import timedelta
from pathlib import Path

import numpy as np
import pytest
from django.conf import settings

from customers.models import Customer, Event, Order, Score, Touched
from recommendations.engines.artefacts import DamagedArtefactError
from recommendations.predictions import registry, training
from recommendations.predictions.features import LABELS, Known
from recommendations.predictions.methods.tables import Table
from recommendations.predictions.models import PredictionVersion
from recommendations.predictions.scores import store_scores
from recommendations.predictions.training import refresh_scores, train
from segments.models import Segment
from segments.starters import Shop, install
from tests.recommendations.conftest import NOW, refund

pytestmark = pytest.mark.django_db
Status = PredictionVersion.Status


def version(kind: str = "propensity", number: int = 1, **values: object) -> PredictionVersion:
    stored = {"status": Status.CHAMPION, "started_at": NOW, "data_until": NOW, **values}
    return PredictionVersion.objects.create(kind=kind, number=number, **stored)


def test_the_chance_to_buy_is_learnt_in_time_and_scored(buyers: list[Customer]) -> None:
    stages: list[str] = []
    found = train("propensity", now=NOW, report=lambda stage, done, total: stages.append(stage))
    assert (found.status, str(found)) == (Status.CHAMPION, "propensity-1")
    assert found.metrics["auc"] > 0.7
    assert len(found.metrics["moments"]) == 3
    assert found.verdict.endswith(") on days that it had not learnt from.")
    assert set(found.metrics["families"]) == {"logistic", "forest", "boosting", "network"}
    assert list(dict.fromkeys(stages)) == ["read", "compete", "learn"]
    scores = Score.objects.filter(kind="propensity", model_version="propensity-1")
    assert scores.count() == len(buyers)
    lately = {
        id for (id,) in Order.objects.filter(placed_at__gt=NOW - timedelta(20)).values_list("customer_id")
    }
    means = [scores.filter(customer_id__in=lately), scores.exclude(customer_id__in=lately)]
    one, other = (np.mean([score.value for score in part]) for part in means)
    assert one > 2 * other
    assert scores.order_by("-value").first().percentile == 100
    found.refresh_from_db()
    drift = found.metrics["drift"]["columns"]
    assert drift["country"] == 0.0
    assert set(drift) == {*LABELS, "score"}


def test_lifetime_values_light_up_the_bands(buyers: list[Customer]) -> None:
    found = train("ltv", now=NOW)
    assert found.status == Status.CHAMPION
    assert found.metrics["capture"] > 0.3
    install(Shop())
    counts = dict(Segment.objects.filter(key__startswith="ltv-").values_list("key", "member_count"))
    assert counts == {"ltv-high": 140, "ltv-medium": 210, "ltv-low": 350}


def test_lifetime_value_is_judged_by_what_was_known_at_the_cut_off(buyers: list[Customer]) -> None:
    before = train("ltv", now=NOW)
    for placed in Order.objects.filter(placed_at__lt=NOW - timedelta(300))[:200]:
        refund(placed, NOW - timedelta(10), amount_minor=placed.total_minor // 2)
    assert train("ltv", now=NOW).metrics == before.metrics


def test_few_buyers_are_not_enough_for_any(small_shop: object) -> None:
    found = [train(kind, now=NOW) for kind in ("ltv", "churn", "email_response")]
    assert [(one.status, one.verdict) for one in found] == [
        (Status.WAITING, "Not enough data: 0 of 500 buyers."),
        (Status.WAITING, "Not enough data: 0 of 500 buyers."),
        (Status.WAITING, "Not enough data: 0 of 500 customers who were mailed."),
    ]
    assert not Score.objects.exists()


def test_buyers_are_counted_before_rows_are_drawn(
    buyers: list[Customer], monkeypatch: pytest.MonkeyPatch
) -> None:
    lookers = (Customer(email=f"v{n}@example.com", signed_up_at=NOW - timedelta(300)) for n in range(2100))
    Customer.objects.bulk_create(lookers)
    monkeypatch.setattr(training, "MOST_ROWS", 1000)
    found = train("propensity", now=NOW)
    assert (found.status, found.metrics["rows"]) == (Status.CHAMPION, 2000)


def test_a_draw_keeps_the_share_of_each_outcome_and_enough_of_the_rarer(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(training, "MOST_ROWS", 1000)
    ids = np.arange(10_000)
    known = Known(ids, Table({"orders": ids.astype(np.float64)}))
    drawn = {}
    for positives in (1000, 100, 40):
        rows, outcomes = training.sampled(known, (ids < positives).astype(np.float64))
        assert rows.customers[outcomes == 1].max() < positives <= rows.customers[outcomes == 0].min()
        drawn[positives] = (int(outcomes.sum()), len(outcomes))
    assert drawn == {1000: (100, 1000), 100: (50, 5000), 40: (40, 10_000)}


def test_the_gate_refuses_a_worse_model_and_leaves_scores_alone(buyers: list[Customer]) -> None:
    current = version(number=1, metrics={"auc": 0.999})
    Score.objects.create(
        customer=buyers[0],
        kind="propensity",
        value=0.5,
        percentile=100,
        model_version="propensity-1",
        computed_at=NOW,
    )
    found = train("propensity", now=NOW)
    assert found.status == Status.REJECTED
    assert found.verdict.startswith("It is worse than propensity-1 with 0.999: AUC 0.")
    assert registry.champion("propensity") == current
    assert list(Score.objects.values_list("model_version", flat=True)) == ["propensity-1"]


def test_a_cancelled_training_keeps_nothing(buyers: list[Customer]) -> None:
    def cancel(stage: str, done: int, total: int) -> None:
        registry.cancel()

    with pytest.raises(registry.TrainingStoppedError):
        train("propensity", now=NOW, report=cancel)
    assert [one.status for one in PredictionVersion.objects.all()] == [Status.CANCELLED]
    assert not Score.objects.exists()


def test_one_training_runs_at_a_time_and_a_dead_one_gives_way() -> None:
    first = registry.begin("churn", data_until=NOW)
    with pytest.raises(registry.TrainingBusyError):
        registry.begin("ltv", data_until=NOW)
    PredictionVersion.objects.update(lease_until=NOW - timedelta(days=900))
    second = registry.begin("ltv", data_until=NOW)
    first.refresh_from_db()
    assert (first.status, registry.running()) == (Status.FAILED, second)


def test_a_late_finish_writes_nothing() -> None:
    first = registry.begin("churn", data_until=NOW)
    assert registry.cancel()
    with pytest.raises(registry.TrainingStoppedError):
        registry.finish(first, Status.CHAMPION, verdict="Good.")
    assert registry.champion("churn") is None


def test_rolling_back_puts_the_one_before_into_use() -> None:
    version(number=1, status=Status.RETIRED)
    version(number=2)
    assert str(registry.roll_back("propensity")) == "propensity-1"
    assert [one.status for one in PredictionVersion.objects.order_by("number")] == [
        Status.CHAMPION,
        Status.REJECTED,
    ]
    assert registry.roll_back("propensity") is None


def test_a_damaged_artefact_is_not_served(tmp_path: Path) -> None:
    settings.MODELS_DIR.mkdir(parents=True)
    (settings.MODELS_DIR / "prediction-churn-1.npz").write_bytes(b"something else")
    version("churn", artefact_path="prediction-churn-1.npz", artefact_sha256="0" * 64)
    with pytest.raises(DamagedArtefactError):
        refresh_scores("churn", now=NOW)


def test_scores_replace_those_before_and_listeners_hear_of_it(small_shop: object) -> None:
    first, second, third, objector = Customer.objects.order_by("pk")
    Customer.objects.filter(pk=objector.pk).update(allows_profiling=False)
    values = {first: 1.0, second: 2.0, third: 2.0, objector: 9.0}
    ids = np.array([one.pk for one in values])
    store_scores(kind="churn", customers=ids, values=np.array([*values.values()]), version="churn-1", now=NOW)
    found = Score.objects.order_by("customer_id").values_list("customer_id", "value", "percentile")
    assert list(found) == [(first.pk, 1, pytest.approx(100 / 3)), (second.pk, 2, 100), (third.pk, 2, 100)]
    Touched.objects.all().delete()
    changed = store_scores(
        kind="churn", customers=ids[:1], values=np.array([5.0]), version="churn-2", now=NOW
    )
    assert changed == 3
    assert list(Score.objects.values_list("customer_id", "model_version")) == [(first.pk, "churn-2")]
    assert set(Touched.objects.values_list("customer_id", flat=True)) == {first.pk, second.pk, third.pk}
    assert not Event.objects.exists()
