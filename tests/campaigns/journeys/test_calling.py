"""Webhook calls over real HTTP: signed, retried, given up, and never into the house."""

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any, ClassVar

import pytest
from django.db import connection
from django.db.models import F
from pytest_django import Settings
from standardwebhooks.webhooks import Webhook

from campaigns import tasks
from campaigns.journeys.calling import WAITS, _claimed, call_due
from campaigns.models import Journey, WebhookCall
from common.sealed import unseal
from tests.campaigns.journeys.going import enrol, journey, walk
from tests.campaigns.making import people

pytestmark = pytest.mark.django_db
SECRET = "whsec_c2VjcmV0LXNlY3JldC1zZWNyZXQ="


class Receiver(BaseHTTPRequestHandler):
    """Answers what it is told to, and keeps what it got."""

    status: ClassVar[int] = 200
    got: ClassVar[list[tuple[bytes, dict[str, str]]]] = []

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.got.append((body, {name.lower(): value for name, value in self.headers.items()}))
        self.send_response(self.status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing."""


@pytest.fixture
def address() -> Iterator[str]:
    Receiver.got.clear()
    Receiver.status = 200
    server = HTTPServer(("127.0.0.1", 0), Receiver)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    thread.join()
    server.server_close()


def called_by_a_step(address: str) -> WebhookCall:
    """A call that a journey asked for."""
    (one,) = people(1)
    step = {"name": "tell", "webhook": {"url": address}}
    way = journey({"trigger": {"event": "product_added"}, "steps": [step]}, webhook_secret=SECRET)
    enrol(way, one)
    walk(way)
    return WebhookCall.objects.get()


def due_again() -> None:
    """Let the wait before the next attempt be over."""
    WebhookCall.objects.update(due_at=F("due_at") - timedelta(days=3))


def test_a_call_is_signed_and_made_once(address: str) -> None:
    call = called_by_a_step(address)
    assert (call_due(), call_due()) == (1, 0)
    call.refresh_from_db()
    assert (call.state, call.said, call.attempts) == ("done", "answered 200", 1)
    ((body, headers),) = Receiver.got
    assert Webhook(SECRET).verify(body, headers) == call.body
    assert json.loads(body)["data"]["step"] == "tell"


def test_a_refused_call_is_made_again_by_the_same_name_and_then_given_up(address: str) -> None:
    call = called_by_a_step(address)
    Receiver.status = 503
    for _ in range(len(WAITS) + 2):
        assert call_due() == 0
        due_again()
    call.refresh_from_db()
    assert (call.state, call.said) == ("failed", "answered 503")
    assert len(Receiver.got) == len(WAITS) + 1
    assert {headers["webhook-id"] for _, headers in Receiver.got} == {f"regards-call-{call.pk}"}


def test_a_call_into_the_house_is_not_made(address: str, settings: Settings) -> None:
    settings.OUTBOUND_ALLOWED = []
    call = called_by_a_step(address)
    assert call_due() == 0
    call.refresh_from_db()
    assert Receiver.got == []
    assert call.said.startswith("InternalAddress: ")


def test_a_call_that_cannot_be_signed_keeps_no_other_waiting(address: str) -> None:
    call = called_by_a_step(address)
    Journey.objects.update(webhook_secret="")
    assert call_due() == 0
    call.refresh_from_db()
    assert (call.state, call.attempts, Receiver.got) == ("queued", 1, [])
    assert call.said.startswith("EmptyWebhookSecretError: ")


def test_a_call_whose_worker_died_is_made_again_after_its_lease(address: str) -> None:
    call = called_by_a_step(address)
    assert _claimed() == call
    assert call_due() == 0
    due_again()
    assert call_due() == 1


def test_a_receiver_that_takes_long_does_not_keep_customers_from_walking(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    called_by_a_step(address)
    rung: list[str] = []
    monkeypatch.setattr(tasks, "CALLS_LAST_SECONDS", 0.0)
    monkeypatch.setattr(tasks.call_webhooks, "delay", lambda: rung.append("again"))
    assert (tasks.call_webhooks(), Receiver.got, rung) == (0, [], ["again"])
    monkeypatch.setattr(tasks, "CALLS_LAST_SECONDS", 60.0)
    assert (tasks.call_webhooks(), len(Receiver.got), rung) == (1, 1, ["again"])


def test_the_secret_is_stored_sealed_and_signs_as_before(address: str) -> None:
    called_by_a_step(address)
    with connection.cursor() as cursor:
        cursor.execute("SELECT webhook_secret FROM campaigns_journey")
        ((stored,),) = cursor.fetchall()
    assert (SECRET in stored, unseal(stored)) == (False, SECRET)
    assert call_due() == 1
    ((body, headers),) = Receiver.got
    assert Webhook(SECRET).verify(body, headers)
