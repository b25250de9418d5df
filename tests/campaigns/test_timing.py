"""When a mail is due: zones, clock changes, past times and quiet hours. Pure."""

from dataclasses import replace
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

import pytest

from campaigns.timing import Due, Kind, Past, QuietHours, Timing, due, last_moment, launch_moment
from campaigns.timing_words import Repetition, sentences
from campaigns.zones import country_zone, zone_of

UTC_ZONE = ZoneInfo("UTC")
NINE = Timing(kind=Kind.ZONE, on=date(2026, 12, 1), at=time(9), zone=UTC_ZONE)
NIGHT = QuietHours(begin=time(21), end=time(8))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def moment(timing: Timing, zone: str, *, at: datetime, hour: int = 0) -> datetime | None:
    return due(timing, zone=ZoneInfo(zone), hour=hour, launched_at=at).moment


@pytest.mark.parametrize(
    ("zone", "expected"),
    [
        ("Pacific/Kiritimati", utc(2026, 11, 30, 19)),
        ("Asia/Kolkata", utc(2026, 12, 1, 3, 30)),
        ("Europe/London", utc(2026, 12, 1, 9)),
        ("America/Los_Angeles", utc(2026, 12, 1, 17)),
        ("Etc/GMT+12", utc(2026, 12, 1, 21)),
    ],
)
def test_everybody_is_mailed_when_their_own_clock_shows_the_time(zone: str, expected: datetime) -> None:
    assert moment(NINE, zone, at=launch_moment(NINE)) == expected


@pytest.mark.parametrize(
    ("day", "at", "expected"),
    [
        (date(2026, 3, 29), time(1, 30), utc(2026, 3, 29, 1)),
        (date(2026, 10, 25), time(1, 30), utc(2026, 10, 25, 0, 30)),
        (date(2026, 3, 29), time(9), utc(2026, 3, 29, 8)),
        (date(2026, 3, 28), time(9), utc(2026, 3, 28, 9)),
    ],
    ids=["in the gap: its end", "shown twice: the first", "summer time", "the day before"],
)
def test_clocks_that_change_skip_and_double_nobody(day: date, at: time, expected: datetime) -> None:
    timing = replace(NINE, on=day, at=at)
    assert moment(timing, "Europe/London", at=launch_moment(timing)) == expected


@pytest.mark.parametrize(
    ("past", "expected"),
    [
        (Past.NOW, Due(moment=utc(2026, 12, 1, 6), was_past=True)),
        (Past.TOMORROW, Due(moment=utc(2026, 12, 2, 0), was_past=True)),
        (Past.SKIP, Due(moment=None, was_past=True)),
    ],
)
def test_a_time_that_is_past_does_as_was_chosen(past: Past, expected: Due) -> None:
    timing = replace(NINE, past=past)
    assert due(timing, zone=ZoneInfo("Asia/Tokyo"), launched_at=utc(2026, 12, 1, 6)) == expected


def test_a_quarter_of_an_hour_is_not_late() -> None:
    timing = replace(NINE, past=Past.SKIP)
    assert moment(timing, "Asia/Tokyo", at=utc(2026, 12, 1, 0, 15)) == utc(2026, 12, 1, 0, 15)
    assert moment(timing, "Asia/Tokyo", at=utc(2026, 12, 1, 0, 16)) is None


def test_a_launch_days_later_takes_the_next_such_time() -> None:
    timing = replace(NINE, past=Past.TOMORROW)
    assert moment(timing, "Europe/London", at=utc(2026, 12, 4, 7)) == utc(2026, 12, 4, 9)
    assert moment(timing, "Europe/London", at=utc(2026, 12, 4, 10)) == utc(2026, 12, 5, 9)


def test_quiet_hours_move_a_mail_to_their_end_and_leave_nobody_out() -> None:
    timing = Timing(zone=UTC_ZONE, quiet=NIGHT)
    at = utc(2026, 12, 1, 20, 30)
    london = due(timing, zone=ZoneInfo("Europe/London"), launched_at=at)
    berlin = due(timing, zone=ZoneInfo("Europe/Berlin"), launched_at=at)
    tokyo = due(timing, zone=ZoneInfo("Asia/Tokyo"), launched_at=at)
    assert london == Due(moment=at)
    assert berlin == Due(moment=utc(2026, 12, 2, 7), was_quiet=True)
    assert tokyo == Due(moment=utc(2026, 12, 1, 23), was_quiet=True)


@pytest.mark.parametrize(
    ("at", "is_quiet"), [(time(20, 59), False), (time(21), True), (time(0), True), (time(8), False)]
)
def test_quiet_hours_reach_over_midnight_and_end_at_their_end(at: time, is_quiet: bool) -> None:
    assert NIGHT.covers(at) == is_quiet


def test_quiet_hours_within_a_day_are_those_between() -> None:
    siesta = QuietHours(begin=time(13), end=time(15))
    assert [siesta.covers(time(hour)) for hour in (12, 13, 14, 15)] == [False, True, True, False]


def test_a_habit_is_an_hour_of_the_day_where_they_live() -> None:
    timing = Timing(kind=Kind.HABIT, on=date(2026, 12, 1), zone=UTC_ZONE)
    at = launch_moment(timing)
    assert at == utc(2026, 11, 30, 10)
    assert moment(timing, "Europe/Berlin", at=at, hour=20) == utc(2026, 12, 1, 19)
    assert last_moment(timing) == utc(2026, 12, 2, 11)


def test_own_zone_goes_before_the_country_and_that_before_the_campaigns() -> None:
    vienna = ZoneInfo("Europe/Vienna")
    assert zone_of("Asia/Tokyo", "GB", default=vienna).key == "Asia/Tokyo"
    assert zone_of("", "GB", default=vienna).key == "Europe/London"
    assert zone_of("Mars/Olympus", "", default=vienna) == vienna
    assert zone_of("../etc/passwd", "XX", default=vienna) == vienna


def test_a_country_of_many_zones_has_the_one_with_most_people() -> None:
    found = {country: country_zone(country) for country in ("US", "AU", "BR", "CA", "RU", "DE", "UA", "XX")}
    assert found == {
        "US": "America/New_York",
        "AU": "Australia/Sydney",
        "BR": "America/Sao_Paulo",
        "CA": "America/Toronto",
        "RU": "Europe/Moscow",
        "DE": "Europe/Berlin",
        "UA": "Europe/Kyiv",
        "XX": "",
    }


def test_the_plan_is_said_in_sentences() -> None:
    timing = replace(NINE, quiet=NIGHT, past=Past.SKIP)
    weekly = Repetition(repeats="weekly", until=date(2026, 12, 31))
    assert sentences(timing, weekly, at=utc(2026, 11, 1)) == [
        "Next, on Tuesday 1 December 2026, each person gets the mail when it is 09:00 where they live.",
        "The audience is frozen at Mon 30 Nov 2026, 19:00 UTC, when the first zone on earth gets there; people where "
        "it is past by then are left out, and counted. Who is added to the segment later gets nothing.",
        "Nothing is sent between 21:00 and 08:00 where each person lives: what falls in there waits until 08:00.",
        "Then again every week on the same day, until Thursday 31 December 2026. Each time the audience is counted "
        "anew, and each has its own result.",
    ]


def test_one_moment_is_said_in_its_zone_and_in_utc() -> None:
    timing = Timing(on=date(2026, 12, 1), at=time(9), zone=ZoneInfo("America/New_York"))
    once = Repetition(repeats="", until=None)
    assert sentences(timing, once, at=utc(2026, 11, 1)) == [
        "On Tuesday 1 December 2026 at 09:00 in America/New York the mails go out to everybody, which is Tue 1 Dec "
        "2026, 14:00 UTC."
    ]
