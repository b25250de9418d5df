"""The pages of predictions: what is in use, what waits for data, training and cancelling."""

import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Role, User
from config.celery import app
from recommendations import leases
from recommendations.engines import artefacts
from recommendations.predictions import progress, registry
from recommendations.predictions.models import PredictionVersion
from recommendations.predictions.training import KINDS
from tests.recommendations.conftest import NOW

OVERVIEW = "/recommendations/predictions/"
JUDGED = {
    "auc": 0.81,
    "auc_low": 0.79,
    "auc_high": 0.83,
    "brier": 0.1,
    "log_loss": 0.4,
    "precision": 0.5,
    "recall": 0.6,
    "f1": 0.545,
}
METRICS = {
    **JUDGED,
    "families": {"logistic": JUDGED, "boosting": JUDGED},
    "curve": [{"predicted": 0.1 * n, "happened": 0.1 * n, "rows": 50} for n in range(10)],
    "columns": {
        "gender": {"importance": 0.001, "fill_rate": 0.2},
        "since_order": {"importance": 0.12, "fill_rate": 0.9},
    },
    "drift": {
        "as_of": "2026-06-01T00:00:00+00:00",
        "columns": {"gender": 0.31, "since_order": 0.02, "score": 0.04},
    },
}
Status = PredictionVersion.Status


@pytest.fixture(autouse=True)
def nothing_under_way(db: None) -> None:
    cache.clear()
    with app.connection_for_write() as broker:
        broker.default_channel.client.delete("train")


@pytest.fixture
def viewer(client: Client) -> Client:
    client.force_login(User.objects.create_user("view@example.com", role=Role.VIEWER))
    return client


@pytest.fixture
def analyst() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("analyse@example.com", role=Role.ANALYST))
    return client


def version(kind: str = "churn", number: int = 1, **values: object) -> PredictionVersion:
    stored = {
        "status": Status.CHAMPION,
        "started_at": NOW,
        "finished_at": NOW,
        "data_until": NOW,
        "family": "boosting",
        "metrics": METRICS,
        "verdict": "AUC 0.810.",
        **values,
    }
    return PredictionVersion.objects.create(kind=kind, number=number, **stored)


def queries(client: Client, url: str) -> int:
    client.get(url)
    with CaptureQueriesContext(connection) as captured:
        assert client.get(url).status_code == 200
    return len(captured)


def queued() -> int:
    with app.connection_for_write() as broker:
        return broker.default_channel.client.llen("train")


def test_the_overview_says_what_is_in_use_and_what_waits(viewer: Client) -> None:
    version()
    version("ltv", status=Status.WAITING, verdict="Not enough data: 312 of 500 buyers.")
    page = viewer.get(OVERVIEW).content.decode()
    assert "Gradient boosting" in page
    assert "Not enough data: 312 of 500 buyers." in page
    assert page.count("Not trained yet") == 5
    assert "Train all now" not in page


def test_the_page_of_a_kind_shows_fields_by_importance(viewer: Client) -> None:
    version()
    page = viewer.get(f"{OVERVIEW}churn/").content.decode()
    assert page.index("Days since the last order") < page.index("Gender")
    assert "What was predicted, and what happened" in page
    assert "0.810 (0.790 to 0.830)" in page
    assert page.count("changed</span>") == 1
    assert "Scores have drifted" not in page


def test_a_kind_without_a_model_says_what_is_missing(viewer: Client) -> None:
    assert "Nothing was trained yet" in viewer.get(f"{OVERVIEW}ltv/").content.decode()
    assert viewer.get(f"{OVERVIEW}luck/").status_code == 404


@pytest.mark.parametrize("page", ["", "churn/"])
def test_versions_cost_no_queries(viewer: Client, page: str) -> None:
    version()
    few = queries(viewer, OVERVIEW + page)
    for number in range(2, 9):
        version(number=number, status=Status.RETIRED)
    assert queries(viewer, OVERVIEW + page) == few


def test_an_analyst_queues_a_training_once(
    analyst: Client, django_capture_on_commit_callbacks: object
) -> None:
    for _ in range(2):
        with django_capture_on_commit_callbacks(execute=True):
            answer = analyst.post(f"{OVERVIEW}train/", {"kind": "churn"})
        assert answer["Location"] == f"{OVERVIEW}churn/"
    assert queued() == 1
    told = progress.current()
    assert told is not None
    assert (told.kind, told.label) == ("churn", "Waiting for the worker that trains")
    assert "Waiting for the worker" in analyst.get(f"{OVERVIEW}training/").content.decode()


def test_an_unknown_kind_is_not_trained(analyst: Client) -> None:
    assert analyst.post(f"{OVERVIEW}train/", {"kind": "luck"}).status_code == 404
    assert (queued(), progress.current()) == (0, None)


def test_cancelling_stops_the_training_under_way(analyst: Client) -> None:
    held = leases.begin(PredictionVersion(kind="churn", data_until=NOW))
    progress.note("churn", "compete", 1, 4)
    assert "Cancel the training" in analyst.get(OVERVIEW).content.decode()
    analyst.post(f"{OVERVIEW}cancel/")
    held.refresh_from_db()
    assert (held.status, progress.current()) == (Status.CANCELLED, None)


def test_going_back_queues_a_refresh(analyst: Client, django_capture_on_commit_callbacks: object) -> None:
    back = "Go back to the one before"
    path = settings.MODELS_DIR / "churn-1.npz"
    stored = {"artefact_path": path.name, "artefact_sha256": artefacts.save(path, arrays={}, metadata={})}
    version(number=1, status=Status.RETIRED, **stored)
    assert back not in analyst.get(f"{OVERVIEW}churn/").content.decode()
    version(number=2)
    assert back in analyst.get(f"{OVERVIEW}churn/").content.decode()
    with django_capture_on_commit_callbacks(execute=True):
        analyst.post(f"{OVERVIEW}churn/roll-back/")
    assert str(registry.champion("churn")) == "churn-1"
    assert queued() == 1


def test_going_back_to_a_version_without_its_file_changes_nothing(analyst: Client) -> None:
    version(number=1, status=Status.RETIRED, artefact_path="gone.npz", artefact_sha256="0" * 64)
    version(number=2)
    page = analyst.post(f"{OVERVIEW}churn/roll-back/", follow=True).content.decode()
    assert "The file of churn-1 is gone or damaged; train anew." in page
    assert (str(registry.champion("churn")), queued()) == ("churn-2", 0)


@pytest.mark.parametrize("act", ["train/", "cancel/", "churn/roll-back/"])
def test_a_viewer_may_not(viewer: Client, act: str) -> None:
    version()
    assert viewer.post(OVERVIEW + act).status_code == 403
    assert registry.champion("churn") is not None
    assert queued() == 0


def test_every_kind_has_a_page(viewer: Client) -> None:
    assert [viewer.get(f"{OVERVIEW}{kind}/").status_code for kind in KINDS] == [200] * 7
