"""Signed webhooks: any system's records through a mapping; no good signature, no effect; a replay has none."""

import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.test import Client
from standardwebhooks import Webhook

from customers.admin.sources import EventHookForm
from customers.models import Consent, Customer, Event, EventHook, EventType, Order, SyncRun
from tests.customers.tracking import NOW

MAPPING = {
    "version": 1,
    "source": "till",
    "http": {"records": "data"},
    "currency": "{sale.currency}",
    "time": {"column": "sale.at"},
    "customer": {
        "id": "{customer.id}",
        "email": "{customer.email}",
        "attributes": {"shop": "{sale.shop}"},
    },
    "consent": {"purpose": "marketing_email", "proof": "Signed at the till, form 7"},
    "kinds": [
        {
            "event": "order_line",
            "id": "{sale.id}",
            "line": "{line}",
            "order": "{sale.id}",
            "value": "{amount}",
        }
    ],
}


def record(**changes: Any) -> dict[str, Any]:
    sale = {"id": "s1", "at": "2026-06-01T10:00:00Z", "currency": "GBP", "shop": "Cork"}
    return {
        "customer": {"id": 7, "email": "ada@example.com"},
        "sale": sale,
        "line": 1,
        "amount": 12.5,
        **changes,
    }


@pytest.fixture(autouse=True)
def _at_noon(time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)


@pytest.fixture
def hook(db: None) -> EventHook:
    cache.clear()
    return EventHook.objects.create(name="till", mapping=MAPPING)


def send(hook: EventHook, body: Any, *, at: datetime = NOW, **headers: str) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    signature = Webhook(hook.secret).sign("msg_1", at, raw.decode("latin-1"))
    signed = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(at.timestamp())),
        "webhook-signature": signature,
        **headers,
    }
    return Client().post(f"/v1/hooks/{hook.name}", raw, content_type="application/json", headers=signed)


@pytest.mark.parametrize("body", [{"data": [record()]}, {"data": record()}], ids=["a list", "an object"])
def test_records_become_events_by_the_mapping(hook: EventHook, body: Any) -> None:
    reply = send(hook, body)
    assert (reply.status_code, reply.json()["stored"]) == (200, 1)
    order, customer = Order.objects.get(), Customer.objects.get()
    assert (order.source, order.external_id, order.total_minor, order.currency) == ("till", "s1", 1250, "GBP")
    assert (customer.email, customer.attributes) == ("ada@example.com", {"shop": "Cork"})
    consent = Consent.objects.get()
    assert (consent.is_granted, consent.proof) == (True, "Signed at the till, form 7")
    assert Event.objects.filter(type=EventType.ORDER_LINE).count() == 1


def test_orders_are_those_that_other_sources_tell_where_the_mapping_says_so(hook: EventHook) -> None:
    EventHook.objects.update(mapping={**MAPPING, "orders": {"namespace": "mall", "rank": 20}})
    send(hook, {"data": record()})
    assert Order.objects.get().source == "mall"


def test_a_delivery_with_a_refused_record_is_taken_again_once_the_mapping_is_mended(hook: EventHook) -> None:
    EventHook.objects.update(mapping={**MAPPING, "kinds": [{**MAPPING["kinds"][0], "value": "{nothing}"}]})
    assert send(hook, {"data": record()}).status_code == 400
    EventHook.objects.update(mapping=MAPPING)
    assert send(hook, {"data": record()}).json()["stored"] == 1


@pytest.mark.parametrize(
    "headers",
    [
        {"webhook-signature": "v1,AAAA"},
        {"webhook-signature": "nonsense"},
        {"webhook-signature": "v1,ä"},
        {"webhook-id": "msg_2"},
        {"webhook-timestamp": "soon"},
        {"webhook-timestamp": str(int(NOW.timestamp()) + 1)},
    ],
)
def test_without_a_good_signature_nothing_is_taken(hook: EventHook, headers: dict[str, str]) -> None:
    reply = send(hook, {"data": [record()]}, **headers)
    assert (reply.status_code, reply["Content-Type"]) == (401, "application/problem+json")
    assert not Customer.objects.exists()


@pytest.mark.parametrize("minutes", [-6, 6])
def test_an_old_or_future_signature_is_refused(hook: EventHook, minutes: int) -> None:
    assert send(hook, {"data": [record()]}, at=NOW + timedelta(minutes=minutes)).status_code == 401


def test_a_replayed_delivery_has_no_effect(hook: EventHook) -> None:
    send(hook, {"data": [record()]})
    Customer.objects.update(attributes={"shop": "moved"})
    reply = send(hook, {"data": [record()]})
    assert (reply.status_code, reply.json()["stored"], reply.json()["duplicates"]) == (200, 0, 1)
    assert Customer.objects.get().attributes == {"shop": "moved"}
    cache.clear()
    assert send(hook, {"data": [record()]}).json()["duplicates"] == 1
    assert Order.objects.get().total_minor == 1250


def test_bad_records_are_named_and_good_ones_kept(hook: EventHook) -> None:
    deep: Any = "x"
    for _ in range(30):
        deep = [deep]
    bad = [5, record(amount="lots"), record(customer={}), record(line="\0"), record(extra=deep)]
    reply = send(hook, {"data": [*bad, record()]})
    told = reply.json()
    assert (reply.status_code, told["accepted"], told["stored"]) == (200, 1, 1)
    assert [(one["index"], one["reason"]) for one in told["refused"]] == [
        (0, "not_an_object"),
        (1, "bad_number"),
        (2, "no_customer"),
        (3, "nul_character"),
        (4, "too_deep"),
    ]
    run = SyncRun.objects.get()
    assert (run.source, run.rows_in, run.inserted, run.adds_up) == ("hook till", 6, 1, True)


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="not closed"),
        pytest.param(b"{}", id="no records"),
        pytest.param(b'{"data":[]}', id="no record"),
        pytest.param(b'{"data":"\\ud800"}', id="surrogate"),
        pytest.param(b"[" * 200_000, id="deep"),
    ],
)
def test_a_body_without_records_is_refused(hook: EventHook, body: bytes) -> None:
    reply = send(hook, body)
    assert reply.status_code == (400 if body else 411)
    assert reply["Content-Type"] == "application/problem+json"


def test_a_hook_that_is_off_or_unknown_is_not_there(hook: EventHook) -> None:
    EventHook.objects.update(is_enabled=False)
    assert send(hook, {"data": [record()]}).status_code == 404


def test_a_broken_mapping_is_said(hook: EventHook) -> None:
    EventHook.objects.update(mapping={"version": 1})
    assert send(hook, {"data": [record()]}).status_code == 409


def form(**changes: Any) -> EventHookForm:
    values = {"name": "till", "mapping": json.dumps(MAPPING), "secret": "whsec_" + "QUFB" * 8, **changes}
    return EventHookForm(values)


def test_the_admin_takes_only_what_can_be_used(db: None) -> None:
    assert form().is_valid()
    assert list(form(mapping='{"version": 2}').errors) == ["mapping"]
    assert list(form(secret="whsec_QUFB").errors) == ["secret"]
    assert list(form(secret="whsec_ä").errors) == ["secret"]
    assert list(form(name="Till 1").errors) == ["name"]


@pytest.mark.parametrize(
    ("email", "is_granted"),
    [("ada@example.com", True), ("", True), ("ada@other.example", False)],
    ids=["theirs", "none", "another"],
)
def test_consent_told_with_another_address_is_not_for_theirs(
    hook: EventHook, email: str, is_granted: bool
) -> None:
    send(hook, {"data": record()})
    Consent.objects.all().delete()
    cache.clear()  # or it would be the same delivery
    assert send(hook, {"data": record(customer={"id": 7, "email": email}, line=2)}).json()["stored"] == 1
    assert Consent.objects.filter(is_granted=True).exists() == is_granted
