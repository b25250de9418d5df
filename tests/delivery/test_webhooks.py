"""A provider's report over HTTP: verified, kept once, in any order, and only about its own mails."""

import hashlib
import hmac
import json
import random
from collections.abc import Callable
from datetime import timedelta

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from common.clock import now
from customers.consent import is_suppressed
from customers.models import Alert, Consent, Customer, Purpose, Suppression
from delivery.models import Dispatch, DomainPace, Message, MessageEvent, WebhookReceipt

pytestmark = pytest.mark.django_db
Queue = Callable[[int], list[Message]]


@pytest.fixture
def message(dispatch: Dispatch, queue: Queue) -> Message:
    (message,) = queue(1)
    type(dispatch.sender).objects.update(backend="gateway", address="http://127.0.0.1:1/")
    Message.objects.filter(pk=message.pk).update(recipient="c0@example.com", handed_over_at=now())
    return message


def post(
    client: Client, message: Message, *, kind: str, event_id: str = "e1", key: str | None = None, **data
):
    timestamp, token = "1767225600", hashlib.sha256(event_id.encode()).hexdigest()[:50]
    secret = (key or settings.WEBHOOK_SECRETS["mailgun"]).encode()
    signature = hmac.new(secret, f"{timestamp}{token}".encode(), hashlib.sha256).hexdigest()
    body = {
        "signature": {"timestamp": timestamp, "token": token, "signature": signature},
        "event-data": {
            "event": kind,
            "id": event_id,
            "timestamp": 1767225600.5,
            "recipient": "c0@example.com",
            "message": {"headers": {"message-id": f"{message.pk}.regards@shop.example"}},
            **data,
        },
    }
    url = reverse("mailgun-tracking")
    return client.post(url, json.dumps(body), content_type="application/json")


def bounce(client: Client, message: Message, *, words: str, event_id: str = "e1", **data):
    return post(
        client,
        message,
        kind="failed",
        event_id=event_id,
        reason="generic",
        **{"severity": "permanent", "delivery-status": {"message": words}, **data},
    )


def test_a_report_reaches_its_message(client: Client, message: Message) -> None:
    assert post(client, message, kind="delivered").status_code == 200
    assert MessageEvent.objects.values_list("message_id", "kind").get() == (message.pk, "delivered")


def test_unsubscribing_from_a_test_mail_says_nothing_about_the_customer(
    client: Client, message: Message
) -> None:
    Dispatch.objects.filter(pk=message.dispatch_id).update(kind="test")
    assert post(client, message, kind="unsubscribed").status_code == 200
    assert Consent.objects.get(purpose=Purpose.MARKETING_EMAIL).is_granted
    assert not MessageEvent.objects.exists()
    Dispatch.objects.filter(pk=message.dispatch_id).update(kind="campaign")
    post(client, message, kind="unsubscribed", event_id="e2")
    assert not Consent.objects.get(purpose=Purpose.MARKETING_EMAIL).is_granted


def test_a_forged_report_is_refused_and_leaves_no_trace(client: Client, message: Message) -> None:
    assert post(client, message, kind="complained", key="somebody-else").status_code == 400
    assert (WebhookReceipt.objects.count(), MessageEvent.objects.count()) == (0, 0)
    assert not is_suppressed("c0@example.com")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"null",
        b'{"signature": {"token": "\\u00e9", "timestamp": "1", "signature": "\\u00e9"}}',
        b"\xff",
        b"[" * 100_000,
    ],
    ids=["empty", "list", "null", "not ascii", "not text", "deep"],
)
def test_nonsense_is_refused_and_is_no_error_of_ours(client: Client, body: bytes) -> None:
    answer = client.post(reverse("mailgun-tracking"), body, content_type="application/json")
    assert answer.status_code == 400


def test_a_signed_report_without_its_parts_is_refused(client: Client, message: Message) -> None:
    assert post(client, message, kind="delivered", timestamp="never").status_code == 400
    assert not WebhookReceipt.objects.exists()


def test_a_used_signature_is_good_for_nothing_else(client: Client, message: Message) -> None:
    post(client, message, kind="delivered", event_id="e1")
    assert post(client, message, kind="complained", event_id="e1").status_code == 200
    assert list(MessageEvent.objects.values_list("kind", flat=True)) == ["delivered"]
    assert not is_suppressed("c0@example.com")


@pytest.mark.parametrize("order", range(3))
def test_reports_may_come_46_times_in_any_order_and_late(
    client: Client, message: Message, order: int
) -> None:
    Message.objects.update(state="unknown", created_at=now() - timedelta(days=60))
    kinds = [("e1", "delivered"), ("e2", "opened"), ("e3", "clicked"), ("e4", "failed"), ("e5", "rejected")]
    reports = kinds * 46
    random.Random(order).shuffle(reports)
    for event_id, kind in reports:
        severity = {"severity": "temporary"} if kind == "failed" else {}
        assert post(client, message, kind=kind, event_id=event_id, **severity).status_code == 200
    assert (WebhookReceipt.objects.count(), MessageEvent.objects.exclude(kind="sent").count()) == (5, 5)
    assert Message.objects.values_list("state", "settled_by").get() == ("sent", "report")


def test_what_no_database_takes_is_left_out_of_a_report(client: Client, message: Message) -> None:
    odd = {"a\0b\ud800": ["\udfff", float("nan"), float("inf"), 1.5]}
    agent = {"user-agent": "Fire\0fox \ud83d/140"}
    assert post(client, message, kind="opened", **{"client-info": agent, "odd": odd}).status_code == 200
    kept = WebhookReceipt.objects.get().raw["event-data"]
    assert kept["odd"] == {"ab?": ["?", None, None, 1.5]}
    assert MessageEvent.objects.get().user_agent == "Firefox ?/140"


def test_a_complaint_about_a_mail_whose_address_was_erased_is_noted(client: Client, message: Message) -> None:
    Message.objects.update(recipient="")
    Customer.objects.update(email=None)
    assert post(client, message, kind="complained").status_code == 200
    assert not Suppression.objects.exists()
    assert MessageEvent.objects.values_list("kind", flat=True).get() == "complained"
    assert WebhookReceipt.objects.values_list("state", flat=True).get() == "linked"
    assert not Alert.objects.exists()


def test_a_complaint_about_a_mail_that_was_held_back_the_second_time_suppresses_its_customer(
    client: Client, message: Message
) -> None:
    Message.objects.update(recipient="", state="skipped")
    post(client, message, kind="complained")
    assert is_suppressed("c0@example.com")


def test_a_complaint_suppresses_the_address(client: Client, message: Message) -> None:
    post(client, message, kind="complained")
    assert is_suppressed("c0@example.com")


def test_a_hard_bounce_suppresses_and_a_soft_one_does_not(client: Client, message: Message) -> None:
    bounce(client, message, words="452 4.2.2 mailbox full", event_id="soft", severity="temporary")
    assert not is_suppressed("c0@example.com")
    bounce(client, message, words="550 5.1.1 user unknown", event_id="hard")
    assert is_suppressed("c0@example.com")
    assert list(MessageEvent.objects.order_by("pk").values_list("kind", "bounce")) == [
        ("deferred", ""),
        ("bounced", "hard"),
    ]


def test_soft_bounces_of_five_messages_suppress(client: Client, message: Message, dispatch: Dispatch) -> None:
    for number in range(5):
        assert not is_suppressed("c0@example.com")
        one = Message.objects.create(
            dispatch=dispatch, customer=message.customer, occasion=str(number), recipient="c0@example.com"
        )
        for again in range(2):
            words = {"words": "552 5.2.2 the mailbox is full", "event_id": f"{number} {again}"}
            bounce(client, one, timestamp=now().timestamp(), **words)
    assert is_suppressed("c0@example.com")


def test_a_bounce_by_policy_lets_the_domain_rest_and_suppresses_nobody(
    client: Client, message: Message
) -> None:
    bounce(client, message, words="550 5.7.1 rejected by policy")
    assert not is_suppressed("c0@example.com")
    assert DomainPace.objects.get(domain="example.com").rests
    assert Alert.objects.values_list("key", flat=True).get() == "delivery:domain:example.com"


def test_a_report_about_an_unknown_message_is_kept(client: Client, message: Message) -> None:
    message.pk += 1_000_000
    assert post(client, message, kind="delivered").status_code == 200
    assert WebhookReceipt.objects.get().message is None


@pytest.mark.parametrize("backend", ["local", "postmark"])
def test_a_provider_says_nothing_about_mails_of_another(
    client: Client, message: Message, dispatch: Dispatch, backend: str
) -> None:
    type(dispatch.sender).objects.update(backend=backend)
    post(client, message, kind="complained")
    assert WebhookReceipt.objects.get().message is None
    assert not is_suppressed("c0@example.com")


def test_a_report_about_another_address_is_not_about_our_message(client: Client, message: Message) -> None:
    post(client, message, kind="complained", recipient="else@example.com")
    assert WebhookReceipt.objects.get().message is None
