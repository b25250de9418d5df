"""How often a key may ask: each key for itself, whatever address it says it comes from."""

from datetime import UTC, datetime, timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client
from rest_framework.settings import api_settings

from accounts.models import ApiKey

pytestmark = pytest.mark.django_db
MOMENT = datetime(2026, 5, 4, 12, 0, 20, tzinfo=UTC)


@pytest.fixture(autouse=True)
def three_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(api_settings.DEFAULT_THROTTLE_RATES, "reads", "3/min")
    cache.clear()


def issued() -> str:
    """A new key's secret."""
    scopes = [ApiKey.Scope.CONTENT_READ.value, ApiKey.Scope.RECOMMENDATIONS_READ.value]
    return ApiKey.objects.issue(name="esp", scopes=scopes)[1]


def ask(secret: str, *, address: str = "192.0.2.1", path: str = "content/hero") -> HttpResponse:
    """Ask for a slot that no rules decide: 404 where it is let through."""
    headers = {"Authorization": f"Bearer {secret}", "X-Forwarded-For": address}
    return Client().get(f"/api/v1/{path}", headers=headers)


@time_machine.travel(MOMENT, tick=False)
def test_a_key_that_asks_too_often_is_told_when_to_come_back() -> None:
    secret = issued()
    answers = [ask(secret, address=f"192.0.2.{n}") for n in range(5)]
    assert [answer.status_code for answer in answers] == [404, 404, 404, 429, 429]
    assert answers[-1]["Retry-After"] == "40"
    assert answers[-1]["Content-Type"] == "application/problem+json"


@time_machine.travel(MOMENT, tick=False)
def test_keys_behind_one_address_do_not_share_their_minute() -> None:
    first, second = issued(), issued()
    assert [ask(first).status_code for _ in range(4)][-1] == 429
    assert ask(second).status_code == 404


def test_the_next_minute_is_a_new_one() -> None:
    secret = issued()
    with time_machine.travel(MOMENT, tick=False) as clock:
        assert [ask(secret).status_code for _ in range(4)][-1] == 429
        clock.shift(timedelta(seconds=40))
        assert ask(secret).status_code == 404


@pytest.mark.parametrize(("asked", "status"), [("", 404), ("?k=0", 400)])
def test_a_read_that_the_short_way_refuses_counts_once(asked: str, status: int) -> None:
    path = f"customers/9f345e8e-8d93-4b82-88aa-debc8b1e1574/recommendations{asked}"
    secret = issued()
    with time_machine.travel(MOMENT, tick=False):
        assert [ask(secret, path=path).status_code for _ in range(4)] == [*[status] * 3, 429]
