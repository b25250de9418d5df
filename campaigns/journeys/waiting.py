"""When a wait is over. Pure: the moment, the customer's zone and the wait go in, a moment comes out."""

from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from campaigns.journeys.documents import Wait


def next_due(wait: Wait, *, since: datetime, zone: ZoneInfo) -> datetime:
    """Return when a wait that began at `since` is over, in UTC; for an event, at the latest.

    A span is elapsed time: an hour is an hour on the day when the clocks change too. A time of the day is the wall
    clock's in `zone`: the first one at or after `since`, on one of the days. Where the clocks skip it, it is the first
    moment after the gap (the next such day, where they skip the day); where they show it twice, the first of the two.
    """
    if wait.until is None:
        assert wait.span is not None
        return since + wait.span
    today = since.astimezone(zone).date()
    days = (today + timedelta(days=ahead) for ahead in range(16))
    moments = ((day, at_wall_clock(day, wait.until, zone)) for day in days if day.weekday() in wait.days)
    return next(
        moment for day, moment in moments if moment >= since and moment.astimezone(zone).date() == day
    )


def at_wall_clock(day: date, at: time, zone: ZoneInfo) -> datetime:
    """Return the moment, in UTC, when a zone's clocks show a time: the first of two, or the end of a gap."""
    local = datetime.combine(day, at, zone)
    moment = local.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == local.replace(tzinfo=None):
        return moment
    # fold=0 reads a time in a gap with the offset before it, fold=1 with the one after: the gap ends between them.
    return _end_of_gap(local.replace(fold=1).astimezone(UTC), moment, zone)


def _end_of_gap(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Return the first moment of the later offset, to the second."""
    offset = after.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) / 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == offset:
            after = middle
        else:
            before = middle
    return after
