"""What cannot be taken is refused with its place and its reason, and everything beside it is kept."""

import gzip
import json
import zlib
from typing import Any

import pytest
from django.db import OperationalError
from django.test import Client

from customers.models import Customer, Event, EventName, SyncRun
from customers.tracking import views
from customers.tracking.bodies import MAX_BODY_BYTES
from customers.tracking.protocol import MAX_ITEM_BYTES
from tests.customers.tracking import NOW, Tracker, basic, track

GOOD = json.dumps(track(messageId="good")).encode()
HEAD = b'{"type":"track","messageId":"bad","userId":"u","event":"Product Viewed","properties":{"a":'


@pytest.fixture(autouse=True)
def _at_noon(time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)


def nothing_is_stored() -> bool:
    return not (Event.objects.exists() or Customer.objects.exists() or EventName.objects.exclude(number=None))


@pytest.mark.parametrize(
    ("bad", "field", "reason"),
    [
        pytest.param(b"1", "", "wrong_type", id="a number"),
        pytest.param(b"null", "", "wrong_type", id="null"),
        pytest.param(b"{}", "type", "missing_type", id="no type"),
        pytest.param(b'{"type":"dance"}', "type", "missing_type", id="unknown type"),
        pytest.param(b'{"type":7}', "type", "wrong_type", id="type is a number"),
        pytest.param(HEAD + b"NaN}}", "", "malformed", id="NaN"),
        pytest.param(HEAD + b"Infinity}}", "", "malformed", id="Infinity"),
        pytest.param(HEAD + b"1e999}}", "properties[...]", "wrong_type", id="too large a number"),
        pytest.param(HEAD + b"9" * 5000 + b"}}", "properties[...]", "wrong_type", id="5,000 digits"),
        pytest.param(HEAD + b'"\\ud800"}}', "", "malformed", id="high surrogate alone"),
        pytest.param(HEAD + b'"\\udc00"}}', "", "malformed", id="low surrogate alone"),
        pytest.param(HEAD + b'"\xff"}}', "", "malformed", id="no UTF-8"),
        pytest.param(HEAD + b'"\x01"}}', "", "malformed", id="control character"),
        pytest.param(HEAD + b'"a\\u0000b"}}', "properties.a", "nul_character", id="NUL in a value"),
        pytest.param(HEAD + b'{"a\\u0000":1}}}', "properties.a", "nul_character", id="NUL in a name"),
        pytest.param(HEAD + b"[" * 30 + b"]" * 30 + b"}}", "properties", "too_deep", id="30 deep"),
        pytest.param(HEAD + b"[" * 9000 + b"]" * 9000 + b"}}", "", "too_deep", id="9,000 deep"),
        pytest.param(HEAD + b"[" * 100_000 + b"]" * 100_000 + b"}}", "", "too_large", id="100,000 deep"),
        pytest.param(HEAD + b'"' + b"x" * MAX_ITEM_BYTES + b'"}}', "", "too_large", id="larger than 32 KB"),
        pytest.param(b'{"type":"track","userId":true}', "userId", "wrong_type", id="userId is true"),
        pytest.param(b'{"type":"track","userId":"a"}', "event", "blank_name", id="event missing"),
        pytest.param(b'{"type":"page","userId":"a\\u0000"}', "userId", "nul_character", id="NUL in userId"),
        pytest.param(
            b'{"type":"page","userId":"u","timestamp":"soon"}', "timestamp", "wrong_type", id="time"
        ),
        pytest.param(
            b'{"type":"page","userId":"u","timestamp":"0001-01-01T00:00:00+14:00"}',
            "timestamp",
            "before_1990",
            id="year 1",
        ),
        pytest.param(
            b'{"type":"page","userId":"u","timestamp":"9999-12-31T23:59:59-14:00"}',
            "timestamp",
            "before_1990",
            id="year 9999",
        ),
        pytest.param(
            b'{"type":"page","userId":"u","context":{"sessionId":{}}}',
            "context.sessionId",
            "wrong_type",
            id="session",
        ),
        pytest.param(
            b'{"type":"identify","userId":"u","traits":{"timezone":"US Eastern"}}',
            "traits.timezone",
            "bad_timezone",
            id="time zone",
        ),
        pytest.param(
            b'{"type":"identify","userId":"u","traits":{"birthday":"n/a"}}',
            "traits.birthday",
            "bad_birth_date",
            id="birthday",
        ),
        pytest.param(
            b'{"type":"page","userId":"u","properties":[]}', "properties", "wrong_type", id="a list"
        ),
    ],
)
def test_a_bad_item_is_named_and_the_good_ones_are_kept(
    tracker: Tracker, bad: bytes, field: str, reason: str
) -> None:
    reply = tracker.post("batch", b'{"batch":[' + bad + b"," + GOOD + b"]}")
    assert reply.status_code == 200, reply.content
    told = reply.json()
    assert [(one["index"], one["field"], one["reason"]) for one in told["refused"]] == [(0, field, reason)]
    assert (told["received"], told["accepted"], told["stored"], told["success"]) == (2, 1, 1, False)
    assert Event.objects.get().customer.identities.get().value == "u1"


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"hello", id="words"),
        pytest.param(b"[]", id="a list"),
        pytest.param(b"{}", id="no batch"),
        pytest.param(b'{"batch":[]}', id="empty batch"),
        pytest.param(b'{"batch":{}}', id="batch is an object"),
        pytest.param(b'{"batch":["\\ud800"', id="cut off"),
        pytest.param(b'{"batch":[' + b'"\\' * 200_000, id="an endless text"),
        pytest.param(b"[" * 400_000, id="only brackets"),
        pytest.param(b'{"batch":' + b"[" * 100_000 + b"]" * 100_000 + b"}", id="100,000 deep"),
        pytest.param(b'{"sentAt":5,"batch":[' + GOOD + b"]}", id="sentAt is a number"),
        pytest.param(b'{"sentAt":5,"batch":[' + HEAD + b'"\\ud800"}},' + GOOD + b"]}", id="both"),
        pytest.param(b'{"batch":[' + GOOD + b"]} more", id="something follows"),
        pytest.param(b"\xef\xbb\xbf" + b'{"batch":[' + GOOD + b"]}", id="byte order mark"),
        pytest.param(b"\x00" * 1000, id="NUL"),
        pytest.param(b'{"batch":[' + HEAD + b"1}," + GOOD + b"]}", id="an item is not closed"),
    ],
)
def test_a_body_whose_items_cannot_be_told_apart_is_refused(tracker: Tracker, body: bytes) -> None:
    reply = tracker.post("batch", body)
    assert (reply.status_code, reply["Content-Type"]) == (400, "application/problem+json")
    problem = reply.json()
    assert (problem["type"], problem["status"], problem["title"]) == ("about:blank", 400, "Bad Request")
    assert problem["detail"]
    assert nothing_is_stored()


def test_where_no_item_is_good_the_answer_is_a_problem_that_names_each(tracker: Tracker) -> None:
    reply = tracker.batch({"type": "dance", "messageId": "m"}, track(userId=None))
    assert (reply.status_code, reply["Content-Type"]) == (400, "application/problem+json")
    assert [(one["index"], one["field"]) for one in reply.json()["errors"]] == [(0, "type"), (1, "userId")]
    assert reply.json()["code"] == "bad_request"
    assert nothing_is_stored()


def test_unknown_keys_are_ignored(tracker: Tracker) -> None:
    reply = tracker.batch(
        {**track(), "integrations": {"All": True}, "channel": "server", "version": "2"}, extra=1
    )
    assert reply.json()["stored"] == 1


def test_what_looks_like_a_nul_but_is_none_is_kept(tracker: Tracker) -> None:
    tracker.batch(track(properties={"code": "\\u0000"}))
    assert Event.objects.get().properties == {"code": "\\u0000"}


@pytest.mark.parametrize(
    ("body", "encoding", "status"),
    [
        pytest.param(b"not gzip", "gzip", 400, id="not gzip"),
        pytest.param(gzip.compress(b'{"batch":[' + GOOD + b"]}")[:-9], "gzip", 400, id="gzip cut off"),
        pytest.param(gzip.compress(b"{}") + b"more", "gzip", 400, id="something follows the gzip"),
        pytest.param(gzip.compress(b" " * 50_000_000, 9), "gzip", 413, id="zip bomb"),
        pytest.param(zlib.compress(b" " * (MAX_BODY_BYTES + 1)), "deflate", 413, id="deflated bomb"),
        pytest.param(b"{}", "br", 415, id="brotli"),
        pytest.param(b" " * 3_000_000, "", 413, id="3 MB"),
    ],
)
def test_bad_packing_is_refused(tracker: Tracker, body: bytes, encoding: str, status: int) -> None:
    reply = tracker.post("batch", body, HTTP_CONTENT_ENCODING=encoding)
    assert (reply.status_code, reply["Content-Type"]) == (status, "application/problem+json")
    assert nothing_is_stored()


def test_a_body_of_no_stated_length_is_refused(tracker: Tracker) -> None:
    reply = tracker.post("batch", b"{}", CONTENT_LENGTH="")
    assert reply.status_code == 411


def test_a_batch_of_the_largest_size_is_taken(tracker: Tracker) -> None:
    filler = "x" * 30_000
    items = [track(messageId=f"m{n}", properties={"filler": filler}) for n in range(16)]
    body = json.dumps({"batch": items}).encode()
    assert 480_000 < len(body) < MAX_BODY_BYTES
    assert tracker.post("batch", body.ljust(MAX_BODY_BYTES)).json()["stored"] == 16
    assert tracker.post("batch", body.ljust(MAX_BODY_BYTES + 1)).status_code == 413


def test_a_single_event_of_more_than_32_kb_is_refused(tracker: Tracker) -> None:
    reply = tracker.post("track", track(properties={"filler": "x" * MAX_ITEM_BYTES}))
    assert (reply.status_code, reply.json()["title"]) == (413, "Request Entity Too Large")


def test_a_database_that_does_not_answer_asks_to_send_again(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    def gone(*args: Any, **kwargs: Any) -> None:
        raise OperationalError("the connection is lost")

    monkeypatch.setattr(views, "receive", gone)
    reply = tracker.batch(track())
    assert (reply.status_code, reply["Retry-After"]) == (503, "5")


def test_refused_items_are_counted(tracker: Tracker) -> None:
    tracker.batch(track(userId=None), track(messageId="m2"))
    assert SyncRun.objects.get().rejected == {"no_customer": 1}


def test_any_page_may_ask_whether_it_may_send(db: None) -> None:
    reply = Client().options("/v1/batch", HTTP_ORIGIN="https://shop.example")
    assert (reply.status_code, reply.content) == (204, b"")
    assert reply["Access-Control-Allow-Origin"] == "*"
    assert "Authorization" in reply["Access-Control-Allow-Headers"]
    assert "POST" in reply["Access-Control-Allow-Methods"]


def test_answers_and_refusals_may_be_read_by_any_page(tracker: Tracker) -> None:
    assert tracker.batch(track())["Access-Control-Allow-Origin"] == "*"
    assert tracker.batch(track(), Authorization="x").status_code == 200
    assert tracker.post("batch", b"{}", HTTP_AUTHORIZATION=basic("no"))["Access-Control-Allow-Origin"] == "*"


def test_no_other_address_may_be_called_by_any_page(db: None) -> None:
    reply = Client().options("/api/v1/content/hero", HTTP_ORIGIN="https://shop.example")
    assert "Access-Control-Allow-Origin" not in reply


@pytest.mark.parametrize("method", ["get", "put", "delete", "head"])
def test_only_posts_are_taken(tracker: Tracker, method: str) -> None:
    reply = getattr(Client(), method)("/v1/batch")
    assert (reply.status_code, reply["Allow"]) == (405, "POST, OPTIONS")
