"""When whom: the places that an audience lives in, each with the moment its mails are due."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection

from campaigns.habits import HOURS, list_hour
from campaigns.models import Campaign
from campaigns.timing import Due, Kind, Timing, due
from campaigns.zones import zone_of

NO_HOUR = -1
"""Stands for the hour where habits do not matter."""

_PLACES = """
SELECT coalesce(customer.timezone, ''), customer.country, {hour}, count(*)
FROM segments_segmentmembership member
JOIN customers_customer customer ON customer.id = member.customer_id
{habits}
WHERE member.segment_id = %(segment)s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_HABITS = """
LEFT JOIN campaigns_sendinghabit habit ON habit.customer_id = customer.id AND customer.allows_profiling
"""
JOINS = """
{habits}
LEFT JOIN unnest(%(timezones)s::text[], %(countries)s::text[], %(hours)s::int[], %(dues)s::timestamptz[])
    AS place (timezone, country, hour, due_at)
    ON place.timezone = coalesce(customer.timezone, '') AND place.country = customer.country AND place.hour = {hour}
"""
_PLANNED = """
SELECT due_at, count(*) FROM campaigns_recipient WHERE campaign_id = %s AND variant_key <> '' GROUP BY due_at
ORDER BY due_at NULLS FIRST
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """People of an audience who live in one zone and have one hour, and when they are mailed."""

    timezone: str
    country: str
    hour: int
    people: int
    zone: ZoneInfo
    due: Due


@dataclass(slots=True, kw_only=True)
class Line:
    """People who are mailed alike: those of one zone, or with one hour of their own. `at` is their first moment."""

    name: str
    local: str
    at: datetime | None
    people: int = 0
    notes: set[str] = field(default_factory=set)


def hour_sql(timing: Timing) -> tuple[str, str]:
    """Return the hour of a `customer` as SQL, and the join that it needs; the list's hour is a parameter."""
    if timing.kind != Kind.HABIT:
        return str(NO_HOUR), ""
    return "coalesce(habit.hour, %(list_hour)s)", _HABITS


def places(campaign: Campaign, *, at: datetime) -> list[Place]:
    """Return where the members of the segment live and when each is mailed by a launch `at`; two queries at most."""
    timing = campaign.timing()
    hour, habits = hour_sql(timing)
    with connection.cursor() as cursor:
        parameters = {"segment": campaign.segment_id, "list_hour": _list_hour(timing)}
        cursor.execute(_PLACES.format(hour=hour, habits=habits), parameters)
        rows = cursor.fetchall()
    return [_place(timing, *row, at=at) for row in rows]


def plan_parameters(campaign: Campaign, *, at: datetime) -> dict[str, Any]:
    """Return the parameters of `JOINS`, and as `elsewhere` when those are due who have moved in the meantime."""
    timing = campaign.timing()
    found = places(campaign, at=at)
    moved = due(timing, zone=timing.zone, hour=max(_list_hour(timing), 0), launched_at=at)
    return {
        "list_hour": _list_hour(timing),
        "timezones": [place.timezone for place in found],
        "countries": [place.country for place in found],
        "hours": [place.hour for place in found],
        "dues": [place.due.moment for place in found],
        "elsewhere": moved.moment or at,
    }


def lines(campaign: Campaign, *, at: datetime) -> list[Line]:
    """Say for people of which zone (or with which hour of their own) a launch `at` is due when, the first first."""
    found: dict[str, Line] = {}
    is_habit = campaign.timing().kind == Kind.HABIT
    for place in places(campaign, at=at):
        name = f"{place.hour:02d}:00 where they live" if is_habit else place.zone.key.replace("_", " ")
        local = "" if place.due.moment is None else f"{place.due.moment.astimezone(place.zone):%a %H:%M}"
        line = found.setdefault(name, Line(name=name, local=local, at=place.due.moment))
        line.people += place.people
        line.notes |= set(_notes(place.due))
        if place.due.moment is not None and (line.at is None or place.due.moment < line.at):
            line.at, line.local = place.due.moment, local
    return sorted(found.values(), key=lambda line: (line.at is None, line.at or at, line.name))


def planned(campaign: Campaign) -> list[tuple[datetime, int]]:
    """Return when the mails of a launched campaign were planned for, by hour, with how many people in all arms."""
    assert campaign.launched_at is not None
    with connection.cursor() as cursor:
        cursor.execute(_PLANNED, [campaign.pk])
        return _by_hour((moment or campaign.launched_at, people) for moment, people in cursor.fetchall())


def _by_hour(moments: Iterable[tuple[datetime, int]]) -> list[tuple[datetime, int]]:
    """Add up what is within an hour."""
    hours: dict[datetime, int] = defaultdict(int)
    for moment, people in moments:
        hours[moment.replace(minute=0, second=0, microsecond=0)] += people
    return sorted(hours.items())


def _place(timing: Timing, timezone: str, country: str, hour: int, people: int, *, at: datetime) -> Place:
    zone = zone_of(timezone, country, default=timing.zone)
    return Place(
        timezone=timezone,
        country=country,
        hour=hour,
        people=people,
        zone=zone,
        due=due(timing, zone=zone, hour=hour % HOURS, launched_at=at),
    )


def _notes(due: Due) -> Iterable[str]:
    """Say what is unusual about it."""
    if due.moment is None:
        yield "left out: their time is past"
    elif due.was_past:
        yield "their time is past"
    if due.was_quiet:
        yield "waits until the quiet hours are over"


def _list_hour(timing: Timing) -> int:
    """The list's hour where it matters."""
    return list_hour() if timing.kind == Kind.HABIT else NO_HOUR
