"""The nightly round, by task and by command."""

import json
from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from customers.models import Customer, Score
from recommendations import leases
from recommendations import progress as recommender_progress
from recommendations.models import ModelVersion
from recommendations.predictions import progress
from recommendations.predictions.models import PredictionVersion
from recommendations.predictions.refreshing import refresh
from recommendations.predictions.training import train
from recommendations.tasks import refresh_predictions, train_recommender
from tests.recommendations.conftest import NOW, Shop, order

pytestmark = pytest.mark.django_db


def command(*arguments: str) -> Any:
    answer = StringIO()
    call_command("refresh_predictions", *arguments, "--now", NOW.isoformat(), "--json", stdout=answer)
    return json.loads(answer.getvalue())


def test_the_command_says_what_waits_for_data(small_shop: Shop) -> None:
    found = command("--kind", "churn", "--kind", "ltv")
    assert found == {
        "ltv": {"version": "ltv-1", "status": "waiting", "verdict": "Not enough data: 0 of 500 buyers."},
        "churn": {"version": "churn-1", "status": "waiting", "verdict": "Not enough data: 0 of 500 buyers."},
    }


def test_a_training_under_way_is_not_disturbed() -> None:
    leases.begin(PredictionVersion(kind="churn", data_until=NOW))
    with pytest.raises(CommandError, match="A training is under way") as refused:
        command("--kind", "ltv")
    assert refused.value.returncode == 3
    assert PredictionVersion.objects.count() == 1


def test_the_task_scores_interest_and_forgets_its_progress(small_shop: Shop) -> None:
    order(small_shop.customers[0], small_shop.products[0], NOW - timedelta(days=1))
    progress.note("churn", progress.QUEUED, 0, 1)
    refresh_predictions(kinds=["churn"])
    assert progress.current() is None
    assert list(Score.objects.values_list("kind", flat=True)) == ["interest:camping"]


def test_what_is_in_use_is_scored_nightly_and_trained_when_asked(buyers: list[Customer]) -> None:
    for days in (0, 1, 8):
        refresh(now=NOW + timedelta(days=days), kinds=["ltv"], anew=days == 8)
    assert [str(one) for one in PredictionVersion.objects.order_by("number")] == ["ltv-1", "ltv-2"]
    assert set(Score.objects.values_list("model_version", flat=True)) == {"ltv-2"}


def test_what_is_in_use_is_scored_where_there_is_too_little_to_train_anew(
    buyers: list[Customer], monkeypatch: pytest.MonkeyPatch
) -> None:
    train("ltv", now=NOW)
    Score.objects.all().delete()
    monkeypatch.setattr("recommendations.predictions.training.FEWEST_BUYERS", 701)
    refresh(now=NOW + timedelta(days=8), kinds=["ltv"], anew=True)
    newest = PredictionVersion.objects.latest("number")
    assert (str(newest), newest.status) == ("ltv-2", PredictionVersion.Status.WAITING)
    assert set(Score.objects.values_list("model_version", flat=True)) == {"ltv-1"}


def test_a_kind_that_fails_stops_no_other_and_is_raised_at_the_end(small_shop: Shop) -> None:
    PredictionVersion.objects.create(
        kind="ltv",
        number=1,
        status=PredictionVersion.Status.CHAMPION,
        started_at=NOW,
        data_until=NOW,
        artefact_path="gone.npz",
        artefact_sha256="0" * 64,
    )
    with pytest.raises(FileNotFoundError):
        refresh(now=NOW, kinds=["ltv", "churn"])
    assert PredictionVersion.objects.get(kind="churn").status == PredictionVersion.Status.WAITING


def test_a_cancelled_kind_stops_no_other(buyers: list[Customer]) -> None:
    def cancel(kind: str, stage: str, done: int, total: int) -> None:
        if kind == "churn":
            leases.cancel(PredictionVersion)

    with pytest.raises(leases.TrainingStoppedError):
        refresh(now=NOW, kinds=["churn", "ltv"], report=cancel)
    assert set(Score.objects.values_list("kind", flat=True)) == {"ltv"}


def test_nothing_is_said_to_wait_once_a_training_was_refused_as_another_runs(small_shop: Shop) -> None:
    leases.begin(PredictionVersion(kind="ltv", data_until=NOW))
    progress.note("churn", progress.QUEUED, 0, 1)
    refresh_predictions(kinds=["churn"], anew=True)
    leases.cancel(PredictionVersion)
    assert progress.current() is None
    other = leases.begin(ModelVersion(engine="popularity"))
    recommender_progress.note_queued()
    train_recommender("popularity")
    leases.fail(other, OSError("stopped"))
    assert recommender_progress.current() is None
