"""When waits are over: elapsed time, wall clocks, and the days when the clocks change."""

from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from campaigns.journeys.documents import DAYS, Wait
from campaigns.journeys.waiting import next_due

ALL_DAYS = frozenset(range(7))


def until(at: str, *days: str) -> Wait:
    """A wait until this time of the day."""
    return Wait(until=time.fromisoformat(at), days=frozenset(map(DAYS.index, days)) or ALL_DAYS)


def due(wait: Wait, since: str, zone: str) -> str:
    """When it is over, both in UTC."""
    moment = next_due(wait, since=datetime.fromisoformat(since).replace(tzinfo=UTC), zone=ZoneInfo(zone))
    assert moment.tzinfo is UTC
    return moment.strftime("%Y-%m-%d %H:%M:%S")


@pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York"])
@pytest.mark.parametrize("since", ["2026-03-28 20:00", "2026-10-24 20:00", "2026-03-07 20:00"])
def test_a_span_is_elapsed_time_whatever_the_clocks_do(zone: str, since: str) -> None:
    began = datetime.fromisoformat(since).replace(tzinfo=UTC)
    over = next_due(Wait(span=timedelta(hours=24)), since=began, zone=ZoneInfo(zone))
    assert over - began == timedelta(hours=24)


@pytest.mark.parametrize(
    ("since", "expected"),
    [
        ("2026-03-28 07:00", "2026-03-28 08:00:00"),  # still winter: +1
        ("2026-03-28 08:00", "2026-03-28 08:00:00"),  # it is that time now
        ("2026-03-28 08:01", "2026-03-29 07:00:00"),  # the clocks went forward in the night: +2
        ("2026-10-24 08:00", "2026-10-25 08:00:00"),  # and back
    ],
)
def test_a_time_of_the_day_is_the_wall_clock_s(since: str, expected: str) -> None:
    assert due(until("09:00"), since, "Europe/Berlin") == expected


def test_a_time_that_the_clocks_skip_is_the_moment_after_the_gap() -> None:
    assert due(until("02:30"), "2026-03-28 12:00", "Europe/Berlin") == "2026-03-29 01:00:00"
    assert due(until("02:30"), "2026-03-07 12:00", "America/New_York") == "2026-03-08 07:00:00"
    assert due(until("02:10"), "2026-10-03 00:00", "Australia/Lord_Howe") == "2026-10-03 15:30:00"


def test_a_midnight_that_is_skipped_is_the_first_moment_of_that_day() -> None:
    assert due(until("00:00"), "2026-09-05 12:00", "America/Santiago") == "2026-09-06 04:00:00"


def test_a_time_that_the_clocks_show_twice_is_the_first_one() -> None:
    assert due(until("02:30"), "2026-10-24 12:00", "Europe/Berlin") == "2026-10-25 00:30:00"


def test_who_comes_between_the_two_waits_for_the_next_day() -> None:
    assert due(until("02:30"), "2026-10-25 00:45", "Europe/Berlin") == "2026-10-26 01:30:00"


def test_a_day_that_a_zone_left_out_is_passed_over() -> None:
    assert due(until("09:00", "fri"), "2011-12-29 12:00", "Pacific/Apia") == "2012-01-05 19:00:00"
    assert due(until("09:00"), "2011-12-30 09:00", "Pacific/Apia") == "2011-12-30 19:00:00"


def test_only_the_days_that_were_chosen_count() -> None:
    assert due(until("09:00", "mon"), "2026-11-16 10:00", "UTC") == "2026-11-23 09:00:00"
    assert due(until("09:00", "tue", "sun"), "2026-11-16 10:00", "UTC") == "2026-11-17 09:00:00"


def test_the_day_is_the_customer_s_day() -> None:
    assert due(until("09:00", "tue"), "2026-11-16 20:00", "Pacific/Auckland") == "2026-11-16 20:00:00"
