"""From history to scores: judged in time, gated, stored with percentile and version."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings

from customers.models import Customer, Event, Order, Score, Touched
from customers.quality.alerts import open_alerts
from recommendations import leases
from recommendations.engines import artefacts
from recommendations.engines.artefacts import DamagedArtefactError
from recommendations.predictions import registry, training
from recommendations.predictions.features import LABELS, Known
from recommendations.predictions.gating import capture_difference, kept_apart
from recommendations.predictions.methods import lifetime_value
from recommendations.predictions.methods.classification import Competition, Predictor, fit
from recommendations.predictions.methods.histories import Purchases, Values
from recommendations.predictions.methods.lifetime_value import LifetimeValueModel
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
    judged = ("customers", "mae", "rmse", "capture", "predicted_mean", "actual_mean", "window_days", "gain")
    after = train("ltv", now=NOW)
    assert {name: after.metrics[name] for name in judged} == {name: before.metrics[name] for name in judged}


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
    assert found.status == Status.CHAMPION
    assert 1500 < found.metrics["rows"] < 1700  # of 2,000, a fifth kept apart


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


def test_a_worse_model_is_refused_and_scores_are_left_alone(
    buyers: list[Customer], monkeypatch: pytest.MonkeyPatch
) -> None:
    current = train("propensity", now=NOW)

    def fit_on_chance(table: Table, outcomes: Values, competition: Competition) -> Predictor:
        return fit(table, np.random.default_rng(1).permutation(outcomes), competition)

    monkeypatch.setattr(training, "fit", fit_on_chance)
    found = train("propensity", now=NOW)
    against = found.metrics["against_champion"]
    assert (found.status, against["rival"], against["verdict"]) == (Status.REJECTED, "propensity-1", "worse")
    assert (
        f"customers, whom neither has learned from, its log loss is {-against['mean']:.4f} worse"
        in found.verdict
    )
    assert registry.champion("propensity") == current
    assert set(Score.objects.values_list("model_version", flat=True)) == {"propensity-1"}


def test_a_better_model_is_promoted_though_an_easy_season_gave_the_old_one_its_figure(
    buyers: list[Customer], monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as once:
        once.setattr(
            training,
            "fit",
            lambda table, outcomes, competition: fit(
                table, np.random.default_rng(1).permutation(outcomes), competition
            ),
        )
        old = train("propensity", now=NOW)
    assert old.status == Status.CHAMPION
    PredictionVersion.objects.filter(pk=old.pk).update(metrics={**old.metrics, "auc": 0.999})
    found = train("propensity", now=NOW)
    assert (found.status, found.metrics["against_champion"]["verdict"]) == (Status.CHAMPION, "better")
    old.refresh_from_db()
    assert old.status == Status.RETIRED


def test_a_version_that_cannot_be_asked_blocks_nothing(buyers: list[Customer]) -> None:
    version(number=1, metrics={"kept_apart": 5}, artefact_path="gone.npz", artefact_sha256="0" * 64)
    found = train("propensity", now=NOW)
    assert found.status == Status.CHAMPION
    assert "It could not be held against propensity-1: its file cannot be read" in found.verdict


def test_nobody_kept_apart_is_learnt_from(buyers: list[Customer], monkeypatch: pytest.MonkeyPatch) -> None:
    ids = np.array([one.pk for one in buyers])
    apart = ids[kept_apart(ids)]
    assert 100 < len(apart) < 180
    learnt: list[int] = []
    fit_values = lifetime_value.fit

    def noted(purchases: Purchases, **values: Any) -> LifetimeValueModel:
        learnt.extend(purchases.customers.tolist())
        return fit_values(purchases, **values)

    monkeypatch.setattr(lifetime_value, "fit", noted)
    train("ltv", now=NOW)
    assert learnt
    assert not set(learnt) & set(apart.tolist())


def test_lifetime_values_are_compared_by_error_and_by_share(buyers: list[Customer]) -> None:
    train("ltv", now=NOW)
    found = train("ltv", now=NOW)
    against, capture = (found.metrics[name] for name in ("against_champion", "capture_against_champion"))
    assert (against["rival"], against["mean"], capture["mean"]) == ("ltv-1", 0.0, 0.0)
    assert found.status == Status.CHAMPION
    assert "not worse by more than the €" in found.verdict


def test_a_share_that_is_better_is_seen_on_the_same_customers() -> None:
    spent = np.arange(100.0)
    assert capture_difference(spent, -spent, spent).verdict == "better"
    assert capture_difference(spent, spent, spent).as_json()["mean"] == 0.0


def test_a_cancelled_training_keeps_nothing(buyers: list[Customer]) -> None:
    def cancel(stage: str, done: int, total: int) -> None:
        leases.cancel(PredictionVersion)

    with pytest.raises(leases.TrainingStoppedError):
        train("propensity", now=NOW, report=cancel)
    assert [one.status for one in PredictionVersion.objects.all()] == [Status.CANCELLED]
    assert not Score.objects.exists()


def test_one_training_runs_at_a_time_and_a_dead_one_gives_way() -> None:
    first = leases.begin(PredictionVersion(kind="churn", data_until=NOW))
    with pytest.raises(leases.TrainingBusyError):
        leases.begin(PredictionVersion(kind="ltv", data_until=NOW))
    PredictionVersion.objects.update(lease_until=NOW - timedelta(days=900))
    second = leases.begin(PredictionVersion(kind="ltv", data_until=NOW))
    first.refresh_from_db()
    assert (first.status, leases.running(PredictionVersion)) == (Status.FAILED, second)


def test_a_late_finish_writes_nothing() -> None:
    first = leases.begin(PredictionVersion(kind="churn", data_until=NOW))
    assert leases.cancel(PredictionVersion)
    with pytest.raises(leases.TrainingStoppedError):
        leases.finish(first, Status.CHAMPION, verdict="Good.")
    assert registry.champion("churn") is None


def test_rolling_back_puts_the_one_before_into_use() -> None:
    path = settings.MODELS_DIR / "propensity-1.npz"
    sha256 = artefacts.save(path, arrays={}, metadata={})
    version(number=1, status=Status.RETIRED, artefact_path=path.name, artefact_sha256=sha256)
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


def test_scores_that_drifted_raise_an_alert_and_closer_ones_resolve_it(buyers: list[Customer]) -> None:
    train("ltv", now=NOW)
    assert not open_alerts().exists()
    refresh_scores("ltv", now=NOW + timedelta(days=200))
    alert = open_alerts().get()
    assert (alert.key, alert.title) == (
        "drift:ltv",
        "Customers are not those that lifetime value was learnt from",
    )
    assert "Days since the last purchase" in alert.body
    refresh_scores("ltv", now=NOW)
    assert not open_alerts().exists()
