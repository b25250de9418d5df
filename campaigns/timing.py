"""When each person's mail of a campaign is due. Pure: the plan, a zone and the moment of the launch go in.

A wall-clock time that a zone skips is the end of its gap, one that it shows twice is the first of the two.
"""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from zoneinfo import ZoneInfo

from campaigns.journeys.waiting import at_wall_clock

EARLIEST_ZONE = ZoneInfo("Etc/GMT-14")
"""Where each day begins first (its sign is turned round: 14 hours ahead of UTC)."""
LATEST_ZONE = ZoneInfo("Etc/GMT+12")
GRACE = timedelta(minutes=15)
"""A moment that is past by no more than this at the launch counts as now: a launch takes its time."""
DAY = timedelta(days=1)


class Kind(StrEnum):
    """What "when" means to each recipient."""

    MOMENT = "moment"
    ZONE = "zone"
    HABIT = "habit"


class Past(StrEnum):
    """What becomes of those whose time is past when the campaign is launched."""

    NOW = "now"
    TOMORROW = "tomorrow"
    SKIP = "skip"


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """Local hours in which nothing is sent; over midnight where `begin` is after `end`."""

    begin: time
    end: time

    def covers(self, at: time) -> bool:
        """Whether a wall clock that shows `at` is in them; their end is not."""
        if self.begin < self.end:
            return self.begin <= at < self.end
        return at >= self.begin or at < self.end

    def after(self, moment: datetime, zone: ZoneInfo) -> datetime:
        """Return `moment`, or the end of the quiet hours that it falls into, in UTC."""
        local = moment.astimezone(zone)
        if not self.covers(local.time()):
            return moment
        day = local.date() if local.time() < self.end else local.date() + DAY
        return max(moment, at_wall_clock(day, self.end, zone))


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """When a campaign is sent. `on` is None for "when it is launched", which is only so for Kind.MOMENT.

    `at` is the wall clock's: in `zone` for Kind.MOMENT, where each person lives for Kind.ZONE. For Kind.HABIT the hour
    is each person's own.
    """

    kind: Kind = Kind.MOMENT
    on: date | None = None
    at: time | None = None
    zone: ZoneInfo
    past: Past = Past.TOMORROW
    quiet: QuietHours | None = None

    @property
    def is_alike(self) -> bool:
        """Whether everybody is mailed at the launch."""
        return self.kind == Kind.MOMENT and self.quiet is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Due:
    """When a mail is due (UTC). `was_past`: its time was over at the launch; `moment` is None where it is left out."""

    moment: datetime | None
    was_past: bool = False
    was_quiet: bool = False


def due(timing: Timing, *, zone: ZoneInfo, hour: int = 0, launched_at: datetime) -> Due:
    """Return when somebody in `zone`, whose own hour is `hour`, is mailed if the launch is at `launched_at`."""
    moment, was_past = launched_at, False
    if timing.kind != Kind.MOMENT:
        assert timing.on is not None
        at = _clock(timing, hour)
        moment = at_wall_clock(timing.on, at, zone)
        was_past = moment < launched_at - GRACE
        if was_past and timing.past == Past.SKIP:
            return Due(moment=None, was_past=True)
        if was_past and timing.past == Past.TOMORROW:
            moment = _next_at(at, zone, after=launched_at)
        moment = max(moment, launched_at)
    settled = timing.quiet.after(moment, zone) if timing.quiet else moment
    return Due(moment=settled, was_past=was_past, was_quiet=settled != moment)


def launch_moment(timing: Timing) -> datetime:
    """Return when the audience of a planned campaign has to be frozen: when the first zone on earth gets there."""
    assert timing.on is not None
    if timing.kind == Kind.MOMENT:
        assert timing.at is not None
        return at_wall_clock(timing.on, timing.at, timing.zone)
    return at_wall_clock(timing.on, _clock(timing, 0), EARLIEST_ZONE)


def last_moment(timing: Timing) -> datetime:
    """Return when a planned time is past everywhere on earth."""
    assert timing.on is not None
    if timing.kind == Kind.MOMENT:
        return launch_moment(timing)
    return at_wall_clock(timing.on, _clock(timing, 23), LATEST_ZONE)


def _clock(timing: Timing, hour: int) -> time:
    """What the wall clock shows when somebody with this hour is mailed."""
    if timing.kind == Kind.HABIT:
        return time(hour)
    assert timing.at is not None
    return timing.at


def _next_at(at: time, zone: ZoneInfo, *, after: datetime) -> datetime:
    """Return the next time that the wall clock shows `at`: on the day of `after` there, or on the next."""
    today = after.astimezone(zone).date()
    moment = at_wall_clock(today, at, zone)
    return moment if moment >= after else at_wall_clock(today + DAY, at, zone)


def local_words(moment: datetime, zone: ZoneInfo) -> str:
    """Say a moment in a zone for people: "Tue 1 Dec 2026, 09:00"."""
    local = moment.astimezone(zone)
    return f"{local:%a} {local.day} {local:%b %Y, %H:%M}"


def in_utc(moment: datetime) -> str:
    """Say a moment in UTC for people."""
    return f"{local_words(moment, ZoneInfo('UTC'))} UTC"


def day_words(on: date) -> str:
    """Say a day for people: "Tuesday 1 December 2026"."""
    return f"{on:%A} {on.day} {on:%B %Y}"
