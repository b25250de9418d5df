"""What a tracker or hook sends and is refused can be seen, mended and retried; it cannot fill the disk."""

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from django.urls import reverse

from customers.erasure import erase
from customers.identity import Person, resolve
from customers.models import Customer, CustomerIdentity, Event, EventHook, Order, QuarantinedRow, SyncRun
from customers.quality import quarantine
from customers.tracking import protocol, refused, views
from tests.customers.test_tracking_hooks import MAPPING, record, send
from tests.customers.tracking import NOW, Tracker, track

BAD = {"type": "page", "messageId": "m", "userId": "u", "context": {"sessionId": {}}}


@pytest.fixture(autouse=True)
def _at_noon(time_machine: Any) -> None:
    cache.clear()
    time_machine.move_to(NOW, tick=False)


def kept() -> list[tuple[str, str, dict[str, Any]]]:
    rows = QuarantinedRow.objects.order_by("pk")
    return [(row.source, row.reason, json.loads(row.cells["item"])) for row in rows]


def test_a_refused_item_is_kept_with_its_reason_and_shown_on_data_health(
    tracker: Tracker, admin_client: Any
) -> None:
    tracker.batch(BAD, track())
    assert kept() == [("tracking webshop", "wrong_type", BAD)]
    run = SyncRun.objects.get()
    assert (run.rejected, run.quarantined, run.adds_up) == ({"wrong_type": 1}, 1, True)
    assert "1 row waits in quarantine" in admin_client.get(reverse("customers:data")).content.decode()


def test_the_same_item_refused_again_stays_one_row(tracker: Tracker) -> None:
    for _ in range(3):
        tracker.batch(BAD)
    assert (len(kept()), SyncRun.objects.get().quarantined) == (1, 1)


def test_a_single_call_is_kept_as_it_would_stand_in_a_batch_and_without_its_key(tracker: Tracker) -> None:
    said = {name: value for name, value in BAD.items() if name != "type"}
    tracker.post("page", said | {"writeKey": tracker.secret})
    assert kept() == [("tracking webshop", "wrong_type", BAD)]


def test_what_is_no_json_is_kept_as_text_without_the_key(tracker: Tracker) -> None:
    tracker.post("page", b'{"writeKey" : "rk_secret", "userId": NaN, "a": "\xff"}')
    row = QuarantinedRow.objects.get()
    assert (row.reason, row.cells) == (
        "malformed",
        {"item": '{ "userId": NaN, "a": "\N{REPLACEMENT CHARACTER}"}'},
    )


def test_a_mended_item_is_stored_as_of_when_it_came(tracker: Tracker, time_machine: Any) -> None:
    at, sent = NOW - timedelta(hours=2), NOW - timedelta(hours=1)
    tracker.batch(BAD | {"timestamp": at.isoformat()}, sentAt=sent.isoformat())
    time_machine.move_to(NOW + timedelta(days=3), tick=False)
    QuarantinedRow.objects.update(created_at=NOW)
    row = QuarantinedRow.objects.get()
    quarantine.mend(row, {"item": row.cells["item"].replace("{}", '"s1"')})
    assert quarantine.retry([row], by=None) == quarantine.Retried(mended=1, waiting=0)
    event = Event.objects.get()
    assert (event.session, event.occurred_at, event.source) == ("s1", NOW - timedelta(hours=1), "webshop")
    assert SyncRun.objects.get().rows_in == 1


def test_an_item_without_a_name_or_time_is_stored_once_whoever_retries_it(tracker: Tracker) -> None:
    tracker.batch({name: value for name, value in BAD.items() if name != "messageId"})
    QuarantinedRow.objects.update(created_at=NOW)
    row, again = QuarantinedRow.objects.get(), QuarantinedRow.objects.get()
    for one in (row, again):
        one.raw = [["item", row.cells["item"].replace("{}", '"s1"')]]
        assert quarantine.retry([one], by=None).mended == 1
    assert Event.objects.get().session == "s1"


def test_many_items_of_one_request_are_retried_as_one(
    tracker: Tracker, django_assert_max_num_queries: Any
) -> None:
    tracker.batch(*(BAD | {"messageId": str(n)} for n in range(20)))
    QuarantinedRow.objects.update(created_at=NOW)
    rows = list(QuarantinedRow.objects.order_by("number"))
    for row in rows[1:]:
        row.raw = [["item", row.cells["item"].replace("{}", f'"s{row.number}"')]]
    with django_assert_max_num_queries(30):
        assert quarantine.retry(rows, by=None) == quarantine.Retried(mended=19, waiting=1)
    assert QuarantinedRow.objects.get(state="waiting").pk == rows[0].pk
    assert Event.objects.values("session").distinct().count() == 19


def test_an_item_that_is_still_bad_waits_on_with_its_new_reason(tracker: Tracker) -> None:
    tracker.batch(BAD)
    row = QuarantinedRow.objects.get()
    quarantine.mend(row, {"item": "nonsense"})
    assert quarantine.retry([row], by=None) == quarantine.Retried(mended=0, waiting=1)
    assert QuarantinedRow.objects.get().reason == "malformed"


def test_a_refused_record_of_a_hook_is_mended_through_its_mapping(db: None) -> None:
    hook = EventHook.objects.create(name="till", mapping=MAPPING)
    send(hook, {"data": [record(amount="a lot")]})
    row = QuarantinedRow.objects.get()
    assert (row.source, row.cells["amount"]) == ("hook till", "a lot")
    quarantine.mend(row, {"amount": "12.50"})
    assert quarantine.retry([row], by=None).mended == 1
    assert Order.objects.get().total_minor == 1250


def test_no_more_than_there_is_room_for_is_kept(tracker: Tracker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refused, "KEPT_A_DAY", 5)
    for start in (0, 4, 8):
        tracker.batch(*(BAD | {"messageId": str(n)} for n in range(start, start + 4)))
    assert SyncRun.objects.get().rejected == {"wrong_type": 12}
    assert (QuarantinedRow.objects.count(), SyncRun.objects.get().quarantined) == (5, 5)


def test_rows_that_wait_from_other_days_leave_less_room(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refused, "KEPT_IN_ALL", 3)
    for start in (0, 2, 4):
        tracker.batch(*(BAD | {"messageId": str(n)} for n in range(start, start + 2)))
    assert QuarantinedRow.objects.count() == 3


def test_a_long_item_is_only_counted(tracker: Tracker) -> None:
    tracker.batch(BAD | {"properties": {"a": "x" * refused.LONGEST}})
    assert SyncRun.objects.get().rejected == {"wrong_type": 1}
    assert not QuarantinedRow.objects.exists()


def test_what_is_said_of_somebody_erased_is_not_kept(tracker: Tracker) -> None:
    tracker.batch(track())
    erase(Customer.objects.get(identities__value="u1").pk, by=None, reason="asked")
    tracker.batch(track(messageId="m2"))
    assert SyncRun.objects.get().rejected == {"customer_erased": 1}
    assert not QuarantinedRow.objects.exists()


@pytest.mark.parametrize(
    "body", [b"hello", b'{"batch":[]}', b" " * 600_000], ids=["words", "empty", "too large"]
)
def test_a_request_that_cannot_be_read_is_in_the_books(tracker: Tracker, body: bytes) -> None:
    assert tracker.post("batch", body).status_code in (400, 413)
    assert SyncRun.objects.get().rejected == {"unreadable_request": 1}


def test_without_a_key_nothing_is_read_and_nothing_kept(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(views, "parse_batch", lambda body: pytest.fail("it was read"))
    for body in (b'{"batch":[NaN]}', b'{"batch":[NaN],"writeKey":"rk_unknown"}', b"[" * 100_000):
        assert tracker.post("batch", body, HTTP_AUTHORIZATION="").status_code == 401
    assert not SyncRun.objects.exists()


def test_a_broken_batch_that_holds_its_key_is_cut_apart(tracker: Tracker) -> None:
    good = json.dumps(track()).encode()
    body = b'{"batch":[{"a":NaN},' + good + b'],"writeKey":"' + tracker.secret.encode() + b'"}'
    reply = tracker.post("batch", body, HTTP_AUTHORIZATION="")
    assert (reply.status_code, reply.json()["stored"]) == (200, 1)
    assert protocol.key_in(body) == tracker.secret


BAD_EMAIL = {
    "type": "identify",
    "userId": 1234567,
    "traits": {"first_name": "Xan", "phone": "+44 1", "email": "bad@@"},
}


def forget(id: str, settings: Any, tmp_path: Any) -> None:
    settings.ERASURES_FILE, settings.PERSONAL_FILES = tmp_path / "erasures.jsonl", []
    erase(CustomerIdentity.objects.get(value=id).customer_id, by=None, reason="asked")


@pytest.mark.parametrize(
    "item",
    [
        BAD_EMAIL,
        BAD_EMAIL | {"userId": " 1234567 "},
        BAD | {"userId": "", "anonymousId": "12"},
        {"type": "alias", "userId": [], "previousId": "12"},
        BAD | {"userId": "other", "traits": {"email": " Xan@EXAMPLE.com"}},
        b'{"batch": [{"type": "page", "userId" : 1234567, "a": NaN}]}',
    ],
    ids=["number", "text", "device", "alias", "address", "no json"],
)
def test_a_refused_item_of_somebody_erased_goes_and_is_not_kept_again(
    tracker: Tracker, settings: Any, tmp_path: Any, item: Any
) -> None:
    xan = {
        "type": "identify",
        "userId": "1234567",
        "anonymousId": "12",
        "traits": {"email": "Xan@example.com"},
    }
    send_item = tracker.batch if isinstance(item, dict) else lambda body: tracker.post("batch", body)
    tracker.batch(xan)
    send_item(item)
    tracker.batch(BAD)
    assert QuarantinedRow.objects.count() == 2
    forget("1234567", settings, tmp_path)
    send_item(item)
    assert kept() == [("tracking webshop", "wrong_type", BAD)]


def test_an_id_of_another_source_is_another_person(tracker: Tracker, settings: Any, tmp_path: Any) -> None:
    tracker.batch(BAD_EMAIL)
    resolve([Person("crm", "1234567")], source="crm")
    forget("1234567", settings, tmp_path)
    tracker.batch(BAD_EMAIL)
    assert [item["userId"] for _, _, item in kept()] == [1234567]


def test_a_refused_record_of_a_hook_goes_with_its_person_and_is_not_kept_again(
    db: None, settings: Any, tmp_path: Any
) -> None:
    hook = EventHook.objects.create(name="till", mapping=MAPPING)
    bad = record(customer={"id": 7, "email": ""}, amount="a lot")
    other = record(customer={"id": 8, "email": ""}, amount="a lot")
    send(hook, {"data": record()})
    cache.clear()  # or it would be the same delivery
    send(hook, {"data": [bad, other]})
    assert QuarantinedRow.objects.count() == 2
    settings.ERASURES_FILE = tmp_path / "erasures.jsonl"
    erase(CustomerIdentity.objects.get(value="7").customer_id, by=None, reason="asked")
    send(
        hook, {"data": [bad, other, record(amount="a lot", customer={"id": "", "email": " ada@EXAMPLE.com"})]}
    )
    assert [row.cells["customer.id"] for row in QuarantinedRow.objects.all()] == ["8"]
