"""Counting in Valkey: what is counted is right whatever happens beside it."""

from threading import Thread

import pytest
from django.core.cache import cache
from pytest_django import Settings

from common import valkey


@pytest.fixture(autouse=True)
def nothing_counted_yet() -> None:
    cache.clear()


def test_the_limit_itself_is_still_within() -> None:
    assert [valkey.is_within({"a": 2}, seconds=60) for _ in range(3)] == [True, True, False]


def test_one_name_over_its_limit_is_enough_and_all_are_counted() -> None:
    assert not valkey.is_within({"a": 0, "b": 5}, seconds=60)
    assert valkey.client().mget("a", "b") == [b"1", b"1"]


def test_a_counter_emptied_between_two_calls_starts_again() -> None:
    valkey.is_within({"a": 1}, seconds=60)
    valkey.client().flushdb()
    assert valkey.is_within({"a": 1}, seconds=60)


def test_a_counter_is_forgotten_after_its_seconds() -> None:
    valkey.is_within({"a": 1}, seconds=60)
    assert 0 < valkey.client().ttl("a") <= 60


def test_callers_at_the_same_time_are_all_counted() -> None:
    callers = [Thread(target=valkey.is_within, args=({"a": 1},), kwargs={"seconds": 60}) for _ in range(8)]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert valkey.client().get("a") == b"8"


def test_nobody_is_held_up_while_valkey_is_away(settings: Settings) -> None:
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": "redis://127.0.0.1:1"}}
    valkey.client.cache_clear()
    try:
        assert [valkey.is_within({"a": 0}, seconds=60) for _ in range(2)] == [True, True]
    finally:
        valkey.client.cache_clear()
