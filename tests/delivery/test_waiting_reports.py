"""Reports that come before the provider's id is filed, or about mail that nobody knows: none is lost."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from importlib import import_module

import pytest
from anymail.signals import AnymailTrackingEvent
from django.apps import apps
from django.db.models import F
from django.test import Client

from accounts.models import Role, User
from common.clock import now
from customers.consent import is_suppressed
from customers.erasure import erase
from delivery.answers import Accepted, Answer
from delivery.backends.base import Outgoing
from delivery.backends.local import LocalBackend
from delivery.models import Dispatch, Message, MessageEvent, WebhookReceipt
from delivery.sending import send_chunk
from delivery.tasks import settle_unknown_messages
from delivery.webhooks import take_report
from tests.delivery.leaving import leaves_by
from tests.delivery.test_warm_up import compose

pytestmark = pytest.mark.django_db
Queue = Callable[[int], list[Message]]


@pytest.fixture(autouse=True)
def by_postmark(dispatch: Dispatch) -> None:
    dispatch.sender.backend = "postmark"
    dispatch.sender.save(update_fields=["backend"])


def tell(
    kind: str, *, message_id: str = "", key: str = "", recipient: str = "c0@example.com", event_id: str = "e1"
) -> None:
    """Take a report as Postmark's webhook makes it."""
    event = AnymailTrackingEvent(
        event_type=kind,
        timestamp=now(),
        event_id=event_id,
        message_id=message_id or None,
        recipient=recipient,
        metadata={"regards": key} if key else {},
        esp_event={"RecordType": kind, "Recipient": recipient},
        description="smtp;550 5.1.1 user unknown",
    )
    take_report(None, event=event, esp_name="Postmark")


def report(
    kind: str, *, message_id: str = "", key: str = "", recipient: str = "c0@example.com", event_id: str = "e1"
) -> WebhookReceipt:
    """Take a report that is kept."""
    tell(kind, message_id=message_id, key=key, recipient=recipient, event_id=event_id)
    return WebhookReceipt.objects.get(event_key=event_id)


def state_of(receipt: WebhookReceipt) -> tuple[str, int | None]:
    receipt.refresh_from_db()
    return receipt.state, receipt.message_id


def test_a_report_with_our_key_finds_its_mail_before_the_worker_has_the_answer(queue: Queue) -> None:
    (message,) = queue(1)
    Message.objects.update(state="in_flight", recipient="c0@example.com")
    assert state_of(report("delivered", message_id="pm-1", key=message.key_of(message.pk))) == (
        "linked",
        message.pk,
    )
    assert MessageEvent.objects.get().kind == "delivered"


@pytest.mark.parametrize("kind", ["queued", "sent", "autoresponded", "unknown"])
def test_what_nothing_follows_from_is_not_kept(queue: Queue, kind: str) -> None:
    (message,) = queue(1)
    Message.objects.update(recipient="c0@example.com", provider_id="pm-1")
    for number, names in enumerate(({"key": message.key_of(message.pk)}, {"message_id": "pm-1"}, {})):
        tell(kind, event_id=f"e{number}", **names)
    assert (WebhookReceipt.objects.exists(), MessageEvent.objects.exists()) == (False, False)


def test_our_key_is_believed_about_this_address_and_this_provider_only(
    dispatch: Dispatch, queue: Queue
) -> None:
    (message,) = queue(1)
    Message.objects.update(recipient="c0@example.com")
    key = message.key_of(message.pk)
    assert report("complained", key=key, recipient="x@example.com").message is None
    type(dispatch.sender).objects.update(backend="mailgun")
    assert report("complained", key=key, event_id="e2").message is None
    assert not is_suppressed("c0@example.com")


def test_a_report_that_came_before_the_id_was_filed_is_linked_when_it_is(
    dispatch: Dispatch, queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Quick(LocalBackend):
        """Reports a bounce before it answers."""

        def send(self, batch: Sequence[Outgoing], *, deadline: float) -> list[tuple[Outgoing, Answer]]:
            report("bounced", message_id="<pm-1>")
            return [(mail, Accepted(provider_id="pm-1")) for mail in batch]

    (message,) = queue(1)
    leaves_by(monkeypatch, Quick(), way="postmark")
    send_chunk(dispatch, compose=compose)
    receipt = WebhookReceipt.objects.get()
    assert (state_of(receipt), receipt.told) == (("linked", message.pk), None)
    assert MessageEvent.objects.filter(kind="bounced").get().bounce == "hard"
    assert is_suppressed("c0@example.com")


def test_a_report_that_both_missed_is_found_by_beat(queue: Queue) -> None:
    receipt = report("delivered", message_id="pm-1")
    assert state_of(receipt) == ("waiting", None)
    (message,) = queue(1)
    Message.objects.update(provider_id="pm-1", state="unknown", recipient="c0@example.com")
    settle_unknown_messages()
    assert state_of(receipt) == ("waiting", None)
    WebhookReceipt.objects.update(try_at=now())
    settle_unknown_messages()
    assert state_of(receipt) == ("linked", message.pk)
    message.refresh_from_db()
    assert (message.state, message.settled_by) == ("sent", "report")


def test_each_try_is_after_twice_as_long_and_after_a_day_it_is_given_up() -> None:
    receipt = report("delivered", message_id="pm-1")
    WebhookReceipt.objects.update(received_at=now() - timedelta(hours=1), try_at=now())
    settle_unknown_messages()
    receipt.refresh_from_db()
    assert timedelta(minutes=59) < receipt.try_at - now() < timedelta(minutes=61)
    WebhookReceipt.objects.update(received_at=F("received_at") - timedelta(days=1), try_at=now())
    settle_unknown_messages()
    assert state_of(receipt) == ("unknown", None)
    assert receipt.told["recipient"] == "c0@example.com"


def test_a_report_that_names_no_mail_is_listed_at_once(client: Client) -> None:
    assert state_of(report("delivered")) == ("unknown", None)
    client.force_login(User.objects.create_user("vi@example.com", role=Role.VIEWER))
    page = client.get("/unknown/reports/").content.decode()
    assert ("Postmark" in page, "c0@example.com" in page) == (True, True)


def test_a_waiting_report_that_nobody_foresaw_keeps_no_other_up(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    receipts = [report("delivered", message_id=f"pm-{n}", event_id=f"e{n}") for n in range(2)]
    first, second = queue(2)
    for n, message in enumerate((first, second)):
        Message.objects.filter(pk=message.pk).update(provider_id=f"pm-{n}", recipient="c0@example.com")
    WebhookReceipt.objects.filter(pk=receipts[0].pk).update(told=F("told"), event_key="e0")
    broken = dict(receipts[0].told, kind="no such kind")
    WebhookReceipt.objects.filter(pk=receipts[0].pk).update(told=broken)
    WebhookReceipt.objects.update(try_at=now())
    settle_unknown_messages()
    assert [state_of(one)[0] for one in receipts] == ["waiting", "linked"]
    assert MessageEvent.objects.values_list("message_id", "kind").get() == (second.pk, "delivered")


def test_a_repeated_report_waits_once() -> None:
    for _ in range(3):
        report("delivered", message_id="pm-1")
    assert WebhookReceipt.objects.count() == 1


def test_who_is_erased_is_in_no_waiting_report(queue: Queue) -> None:
    receipt = report("delivered", message_id="pm-1")
    (message,) = queue(1)
    erase(message.customer_id, by=None, reason="asked for")
    assert state_of(receipt) == ("unknown", None)
    assert (receipt.told, receipt.raw, receipt.provider_id) == (None, {}, "")


def test_reports_from_before_are_listed_in_batches_that_end(
    queue: Queue, monkeypatch: pytest.MonkeyPatch
) -> None:
    migration = import_module("delivery.migrations.0024_reports_without_mail")
    monkeypatch.setattr(migration, "BATCH", 2)
    (message,) = queue(1)
    receipts = [
        WebhookReceipt.objects.create(
            provider="Postmark",
            event_key=f"e{n}",
            kind="delivered",
            raw={},
            message=message if n == 2 else None,
        )
        for n in range(6)
    ]
    migration.list_unknown(apps, None)
    states = [state_of(one)[0] for one in receipts]
    assert states == ["unknown", "unknown", "linked", "unknown", "unknown", "unknown"]
