"""Whoever has the public key of one source cannot use up the names of all."""

from datetime import timedelta
from typing import Any

import pytest

from customers.models import Event, EventName, EventType, SyncRun
from customers.quality.health import all_sources
from customers.tracking import names
from tests.customers.tracking import NOW, Tracker, new_key, track


@pytest.fixture(autouse=True)
def _few(time_machine: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    time_machine.move_to(NOW, tick=False)
    monkeypatch.setattr(names, "NEW_NAMES_A_DAY", 3)


def send(tracker: Tracker, *said: str) -> None:
    tracker.batch(*(track(name, messageId=name) for name in said))


def own() -> dict[str, str]:
    return dict(EventName.objects.exclude(number=None).values_list("name", "source"))


def test_a_source_may_bring_so_many_new_names_a_day(tracker: Tracker) -> None:
    send(tracker, "a1", "a2")
    send(tracker, "a3", "a4", "a5")
    send(tracker, "a6", "a1")
    assert own() == {"a1": "webshop", "a2": "webshop", "a3": "webshop"}
    others = Event.objects.filter(type=EventType.CUSTOM).values_list("properties__event", flat=True)
    assert sorted(others) == ["a4", "a5", "a6"]


def test_names_that_got_no_number_are_told_on_data_health_once_a_day(tracker: Tracker) -> None:
    send(tracker, "a1", "a2", "a3")
    assert SyncRun.objects.get().findings == []
    send(tracker, "a4")
    send(tracker, "a5")
    (health,) = all_sources()
    assert (health.light, len(health.reasons)) == ("amber", 1)
    assert "such as 'a4'" in health.reasons[0].sentence


def test_other_sources_and_other_days_have_names_of_their_own(tracker: Tracker) -> None:
    send(tracker, "a1", "a2", "a3", "a4")
    send(Tracker(new_key("app")), "b1")
    EventName.objects.update(created_at=NOW - timedelta(days=1))
    names.forget()
    send(tracker, "a4")
    assert sorted(own()) == ["a1", "a2", "a3", "a4", "b1"]
    assert Event.objects.filter(type=1004).count() == 0


def test_a_source_without_room_costs_no_lock_for_each_new_name(
    tracker: Tracker, django_assert_max_num_queries: Any
) -> None:
    send(tracker, "a1", "a2", "a3", "a4")
    with django_assert_max_num_queries(0):
        assert names.types_of(["a5", "a6", "a1"], source="webshop") == {
            "a5": EventType.CUSTOM,
            "a6": EventType.CUSTOM,
            "a1": 1000,
        }


def test_a_source_may_bring_so_many_new_names_in_all(
    tracker: Tracker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(names, "NEW_NAMES_A_SOURCE", 4)
    send(tracker, "a1", "a2", "a3")
    EventName.objects.update(created_at=NOW - timedelta(days=1))
    names.forget()
    send(tracker, "a4", "a5")
    send(Tracker(new_key("app")), "b1")
    assert sorted(own()) == ["a1", "a2", "a3", "a4", "b1"]


def test_an_overlong_name_costs_no_query(tracker: Tracker, django_assert_max_num_queries: Any) -> None:
    send(tracker, "a1")
    names.types_of(["a1"], source="webshop")
    with django_assert_max_num_queries(0):
        assert names.types_of(["x" * 101], source="webshop") == {"x" * 101: EventType.CUSTOM}
