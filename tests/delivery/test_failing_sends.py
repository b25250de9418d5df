"""Too many mails of a sender fail: one alert, which goes when they do no more."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.db.models import F

from customers.models import Alert
from delivery import tallies, watching
from delivery.answers import Answer, Refused
from delivery.backends.base import Outgoing
from delivery.backends.local import LocalBackend
from delivery.models import Dispatch, Message, Sender, SendTally
from delivery.sending import send_chunk
from tests.delivery.leaving import leaves_by
from tests.delivery.test_warm_up import compose

pytestmark = pytest.mark.django_db
Queue = Callable[[int], list[Message]]


def open_alerts() -> list[str]:
    return list(Alert.objects.filter(resolved_at=None).values_list("key", flat=True))


def test_what_becomes_of_a_chunk_is_counted(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Choosy(LocalBackend):
        def send(self, batch: list[Outgoing], *, deadline: float) -> list[tuple[Outgoing, Answer]]:  # type: ignore[override]
            refused: list[tuple[Outgoing, Answer]] = [(one, Refused(reason="no")) for one in batch[:1]]
            return refused + super().send(batch[1:], deadline=deadline)

    leaves_by(monkeypatch, Choosy())
    queue(6)
    for _ in range(2):
        send_chunk(dispatch, compose=compose, limit=3)
    assert SendTally.objects.values_list("sender", "sent", "failed", "unknown").get() == (
        dispatch.sender_id,
        4,
        2,
        0,
    )


def test_an_alert_is_raised_once_and_goes_by_itself(sender: Sender) -> None:
    tallies.count(sender.pk, {"sent": 188, "failed": 12})
    assert [watching.refresh_alerts(), watching.refresh_alerts()] == [1, 0]
    assert open_alerts() == [f"delivery:failing:{sender.pk}"]
    assert "Of the last 200 mails of Shop 12 failed." in Alert.objects.get().body
    SendTally.objects.update(began_at=F("began_at") - timedelta(minutes=10))
    tallies.count(sender.pk, {"sent": 200})
    watching.refresh_alerts()
    assert open_alerts() == []


@pytest.mark.parametrize(
    ("sent", "failed", "is_alert"), [(190, 10, False), (189, 11, True), (0, 19, False), (0, 20, True)]
)
def test_more_than_five_in_a_hundred_of_enough_mails_are_too_many(
    sender: Sender, sent: int, failed: int, is_alert: bool
) -> None:
    tallies.count(sender.pk, {"sent": sent, "failed": failed, "skipped": 500})
    assert bool(tallies.failing()) is is_alert


def test_what_failed_two_days_ago_and_what_others_failed_is_of_no_account(sender: Sender) -> None:
    other = Sender.objects.create(name="Other", from_name="O", from_email="o@shop.example")
    tallies.count(sender.pk, {"failed": 100})
    SendTally.objects.update(began_at=F("began_at") - timedelta(days=2))
    tallies.count(other.pk, {"failed": 30})
    assert [(one.sender.pk, one.failed, one.settled) for one in tallies.failing()] == [(other.pk, 30, 30)]
    SendTally.objects.update(began_at=F("began_at") - timedelta(days=6))
    assert tallies.forget_old() == 1
