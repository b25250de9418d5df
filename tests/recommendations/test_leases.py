"""One training at a time, of recommenders and of predictions alike: asked for once, cancelled, or dead."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from recommendations import leases, progress
from recommendations.models import ModelVersion, PredictionVersion
from recommendations.tasks import refresh_predictions, train_recommender
from recommendations.versions import Status, TrainedVersion
from tests.recommendations.conftest import NOW, Shop

pytestmark = pytest.mark.django_db
OVERVIEW = "/recommendations/"


def in_another_connection(act: Callable[[], bool]) -> bool:
    """What `act` says in a thread with a connection of its own."""

    def closing() -> bool:
        try:
            return act()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(closing).result()


@pytest.fixture
def analyst(client: Client) -> Client:
    cache.clear()
    client.force_login(User.objects.create_user("analyse@example.com", role=Role.ANALYST))
    return client


def new(model: type[TrainedVersion], **values: object) -> TrainedVersion:
    subject = {"engine": "blend"} if model is ModelVersion else {"kind": "churn", "data_until": NOW}
    return model(**{**subject, **values})


both = pytest.mark.parametrize("model", [ModelVersion, PredictionVersion])


@both
def test_the_place_is_taken_until_the_lease_runs_out(model: type[TrainedVersion]) -> None:
    first = leases.begin(new(model))
    with pytest.raises(leases.TrainingBusyError, match="A training is under way"):
        leases.begin(new(model))
    model._default_manager.update(lease_until=Now() - timedelta(seconds=1))
    first.refresh_from_db()
    assert first.has_died
    assert leases.running(model) is None
    second = leases.begin(new(model))
    first.refresh_from_db()
    assert (first.status, first.verdict) == (Status.FAILED, "The lease ran out: its worker died.")
    assert (leases.running(model), second.number) == (second, 2)


@both
def test_a_task_delivered_again_after_its_training_trains_no_more(model: type[TrainedVersion]) -> None:
    version = leases.begin(new(model, asked_as="one"))
    leases.finish(version, Status.CHAMPION, verdict="Good.")
    with pytest.raises(leases.TrainingBusyError, match="asked for once"):
        leases.begin(new(model, asked_as="one"))
    assert leases.begin(new(model, asked_as="two")).number == 2


@both
def test_a_cancelled_training_may_neither_go_on_nor_end(model: type[TrainedVersion]) -> None:
    version = leases.begin(new(model))
    assert leases.cancel(model)
    for act in (leases.renew, leases.hold):
        with pytest.raises(leases.TrainingStoppedError), transaction.atomic():
            act(version)
    with pytest.raises(leases.TrainingStoppedError):
        leases.finish(version, Status.CHAMPION, verdict="Good.")
    leases.fail(version, OSError("too late"))
    version.refresh_from_db()
    assert (version.status, version.verdict) == (Status.CANCELLED, "It was cancelled.")
    assert not leases.cancel(model)


@both
def test_going_back_skips_what_was_never_in_use(model: type[TrainedVersion]) -> None:
    for status in (Status.RETIRED, Status.REJECTED, Status.FAILED, Status.CHAMPION):
        leases.finish(leases.begin(new(model)), status, verdict="")
    champion = model._default_manager.get(status=Status.CHAMPION)
    before = leases.one_before(champion)
    assert before is not None
    assert before.number == 1
    assert leases.put_back(champion, before)
    stood = model._default_manager.order_by("number").values_list("status", flat=True)
    assert list(stood) == [Status.CHAMPION, Status.REJECTED, Status.FAILED, Status.REJECTED]
    assert not leases.put_back(champion, before)


@pytest.mark.django_db(transaction=True)
def test_a_training_that_is_writing_its_rows_is_not_cancelled() -> None:
    version = leases.begin(new(ModelVersion))
    with transaction.atomic():
        leases.hold(version)
        assert in_another_connection(lambda: leases.cancel(ModelVersion)) is False
        leases.finish(version, Status.CHAMPION, verdict="Good.")
    assert ModelVersion.objects.get().status == Status.CHAMPION


def test_the_same_task_delivered_twice_trains_once(shop: Shop) -> None:
    for _ in range(2):
        train_recommender.apply(kwargs={"engine": "popularity"}, task_id="one", throw=True)
    assert ModelVersion.objects.count() == 1


def test_the_same_task_delivered_twice_tries_each_prediction_once(small_shop: Shop) -> None:
    for _ in range(2):
        refresh_predictions.apply(kwargs={"kinds": ["churn", "ltv"]}, task_id="one", throw=True)
    assert sorted(map(str, PredictionVersion.objects.all())) == ["churn-1", "ltv-1"]


def test_an_analyst_cancels_the_training_and_a_viewer_does_not(analyst: Client) -> None:
    version = leases.begin(new(ModelVersion))
    progress.note("learn", 1, 4)
    assert "Cancel the training" in analyst.get(OVERVIEW).content.decode()
    viewer = Client()
    viewer.force_login(User.objects.create_user("view@example.com", role=Role.VIEWER))
    assert viewer.post(reverse("recommendations:cancel")).status_code == 403
    analyst.post(reverse("recommendations:cancel"))
    version.refresh_from_db()
    assert (version.status, progress.current()) == (Status.CANCELLED, None)
    page = analyst.post(reverse("recommendations:cancel"), follow=True).content.decode()
    assert "No training can be stopped" in page


def test_the_page_says_that_a_worker_died(analyst: Client) -> None:
    leases.begin(new(ModelVersion))
    ModelVersion.objects.update(lease_until=Now() - timedelta(seconds=1))
    assert "Its worker died" in analyst.get(OVERVIEW).content.decode()
