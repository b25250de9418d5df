"""A provider's report over HTTP: verified, kept once, in any order."""

import hashlib
import hmac
import json
from collections.abc import Callable

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse

from customers.consent import is_suppressed
from delivery.models import Message, MessageEvent, WebhookReceipt

pytestmark = pytest.mark.django_db
Queue = Callable[[int], list[Message]]


@pytest.fixture
def message(queue: Queue) -> Message:
    (message,) = queue(1)
    Message.objects.filter(pk=message.pk).update(recipient="c0@example.com")
    return message


def post(
    client: Client, message: Message, *, kind: str, event_id: str = "e1", key: str | None = None, **data
):
    timestamp, token = "1767225600", hashlib.sha256(event_id.encode()).hexdigest()[:50]
    secret = (key or settings.ANYMAIL["MAILGUN_WEBHOOK_SIGNING_KEY"]).encode()
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


def test_a_report_reaches_its_message(client: Client, message: Message) -> None:
    assert post(client, message, kind="delivered").status_code == 200
    assert MessageEvent.objects.values_list("message_id", "kind").get() == (message.pk, "delivered")


def test_a_report_sent_twice_is_kept_once(client: Client, message: Message) -> None:
    for _ in range(2):
        assert post(client, message, kind="delivered").status_code == 200
    assert (WebhookReceipt.objects.count(), MessageEvent.objects.count()) == (1, 1)


def test_a_forged_report_is_refused_and_leaves_no_trace(client: Client, message: Message) -> None:
    assert post(client, message, kind="complained", key="somebody-else").status_code == 400
    assert (WebhookReceipt.objects.count(), MessageEvent.objects.count()) == (0, 0)
    assert not is_suppressed("c0@example.com")


def test_a_complaint_suppresses_the_address(client: Client, message: Message) -> None:
    post(client, message, kind="complained")
    assert is_suppressed("c0@example.com")


def test_a_hard_bounce_suppresses_and_a_soft_one_does_not(client: Client, message: Message) -> None:
    post(client, message, kind="failed", event_id="soft", severity="temporary", reason="generic")
    assert not is_suppressed("c0@example.com")
    post(client, message, kind="failed", event_id="hard", severity="permanent", reason="bounce")
    assert is_suppressed("c0@example.com")


def test_a_report_about_an_unknown_message_is_kept(client: Client, message: Message) -> None:
    message.pk += 1_000_000
    assert post(client, message, kind="delivered").status_code == 200
    assert WebhookReceipt.objects.get().message is None
