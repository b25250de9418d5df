"""Write keys: who may send, for which source, how often, and for how long after it was taken back."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.cache import cache
from pytest_django import Settings

from accounts.forms import ApiKeyForm
from accounts.models import ApiKey
from common.clock import now
from customers.models import Event
from customers.tracking import keys
from tests.customers.tracking import NOW, Tracker, basic, new_key, track


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !!!",
        "Basic " + "A" * 5,
        "Digest abc",
        "Bearer",
        "Bearer nothing",
        basic(""),
        basic("rk_unknown"),
        "Basic /////w==",
    ],
)
def test_without_a_good_key_nothing_is_taken(tracker: Tracker, header: str) -> None:
    reply = tracker.post("batch", {"batch": [track()]}, HTTP_AUTHORIZATION=header)
    assert (reply.status_code, reply["Content-Type"]) == (401, "application/problem+json")
    assert reply["WWW-Authenticate"].startswith("Basic ")
    assert not Event.objects.exists()


@pytest.mark.parametrize("path", ["batch", "track"])
def test_a_browser_may_send_the_key_in_the_body(tracker: Tracker, path: str) -> None:
    body = {"batch": [track()]} if path == "batch" else track()
    reply = tracker.post(path, {**body, "writeKey": tracker.secret}, HTTP_AUTHORIZATION="")
    assert reply.json()["stored"] == 1


def test_a_key_may_be_sent_as_bearer_too(tracker: Tracker) -> None:
    reply = tracker.post("track", track(), HTTP_AUTHORIZATION=f"Bearer {tracker.secret}")
    assert reply.status_code == 200


@pytest.mark.parametrize(
    ("scopes", "source"), [(["content:read"], "webshop"), (["track:write"], "")], ids=["scope", "source"]
)
def test_a_key_without_the_right_or_a_source_is_refused(
    tracker: Tracker, scopes: list[str], source: str
) -> None:
    _, secret = ApiKey.objects.issue(name="Other", scopes=scopes, source=source)
    assert Tracker(secret).batch(track()).status_code == 403


def test_a_revoked_key_is_refused_within_seconds(tracker: Tracker, time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)
    assert tracker.batch(track()).status_code == 200
    ApiKey.objects.update(revoked_at=now())
    time_machine.shift(keys.KEPT_FOR)
    assert tracker.batch(track(messageId="m2")).status_code == 401
    assert Event.objects.count() == 1


def test_a_key_is_refused_as_soon_as_it_expires(tracker: Tracker, time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)
    ApiKey.objects.update(expires_at=NOW + timedelta(seconds=2))
    assert tracker.batch(track()).status_code == 200
    time_machine.shift(timedelta(seconds=2))
    assert tracker.batch(track(messageId="m2")).status_code == 401


def test_the_use_of_a_key_is_noted(tracker: Tracker) -> None:
    tracker.batch(track())
    last_used = ApiKey.objects.get().last_used_at
    assert last_used is not None and now() - last_used < timedelta(minutes=1)


def test_a_key_may_call_so_often_in_a_minute_and_others_are_not_held_up(
    tracker: Tracker, settings: Settings, time_machine: Any
) -> None:
    cache.clear()
    time_machine.move_to(NOW.replace(second=20), tick=False)
    settings.TRACKING_REQUESTS_PER_MINUTE = 2
    answers = [tracker.batch(track(messageId=f"m{n}")) for n in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2]["Retry-After"] == "40"
    assert Tracker(new_key("app")).batch(track()).status_code == 200
    time_machine.shift(timedelta(seconds=40))
    assert tracker.batch(track(messageId="m3")).status_code == 200


def form(**changes: Any) -> ApiKeyForm:
    return ApiKeyForm({"name": "Shop", "scopes": ["track:write"], "source": "webshop", **changes})


def test_a_key_that_sends_events_names_their_source(db: None) -> None:
    assert form().is_valid()
    assert list(form(source="").errors) == ["source"]
    assert list(form(source="anonymous").errors) == ["source"]


def test_a_key_that_sends_events_may_do_nothing_else(db: None) -> None:
    assert list(form(scopes=["track:write", "content:read"]).errors) == ["scopes"]
