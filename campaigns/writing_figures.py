"""How well mails are written: how often something fell back or failed, how long it took, and alerts about that."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Q

from campaigns.models import Campaign, Journey, WritingHour
from common.clock import now
from customers.models import Alert
from customers.quality.alerts import raise_alert, resolve
from delivery.models import Dispatch
from delivery.outbox import Composed

STEPS_MS = (1, 2, 3, 5, 7, 10, 15, 20, 30, 50, 70, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000)
"""A mail counts under the first of these that it took no longer than; any longer one under one more."""
LEAST = 50
"""Of fewer mails, or openings, in the hours that are looked at, a share says little."""
_KEYS = Q(key__startswith="writing:")

_ADD = """
INSERT INTO campaigns_writinghour AS h
    (dispatch_id, hour, written, fell_back, failed, by_time, openings, openings_stored)
VALUES (%(dispatch)s, date_trunc('hour', %(at)s::timestamptz, 'UTC'), %(written)s, %(fell_back)s, %(failed)s,
    %(by_time)s::int[], 0, 0)
ON CONFLICT (dispatch_id, hour) DO UPDATE SET written = h.written + EXCLUDED.written,
    fell_back = h.fell_back + EXCLUDED.fell_back, failed = h.failed + EXCLUDED.failed,
    by_time = ARRAY(SELECT coalesce(a, 0) + coalesce(b, 0)
        FROM unnest(h.by_time, EXCLUDED.by_time) WITH ORDINALITY AS t (a, b, n) ORDER BY n)
"""
_COUNT_OPENINGS = """
INSERT INTO campaigns_writinghour AS h
    (dispatch_id, hour, written, fell_back, failed, by_time, openings, openings_stored)
SELECT m.dispatch_id, date_trunc('hour', o.decided_at, 'UTC') AS hour, 0, 0, 0, '{}', count(*),
    count(*) FILTER (WHERE o.failure <> '')
FROM campaigns_opening o JOIN delivery_message m ON m.id = o.message_id
WHERE o.decided_at >= %(since)s
GROUP BY m.dispatch_id, date_trunc('hour', o.decided_at, 'UTC')
ORDER BY m.dispatch_id, hour
ON CONFLICT (dispatch_id, hour) DO UPDATE
    SET openings = EXCLUDED.openings, openings_stored = EXCLUDED.openings_stored
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Sums over hours."""

    written: int = 0
    fell_back: int = 0
    failed: int = 0
    by_time: list[int] = field(default_factory=list)
    openings: int = 0
    openings_stored: int = 0

    def milliseconds(self, share: float) -> int | None:
        """Return what this share of the mails took no longer than; None where none was timed or they took longer."""
        wanted, so_far = share * sum(self.by_time), 0
        for count, step in zip(self.by_time, STEPS_MS, strict=False):
            so_far += count
            if so_far and so_far >= wanted:
                return step
        return None


def note(dispatch: Dispatch, composed: Sequence[Composed], seconds: Sequence[float]) -> None:
    """Count a chunk of written mails and how long each took; one statement."""
    by_time = [0] * (len(STEPS_MS) + 1)
    for one in seconds:
        by_time[bisect_left(STEPS_MS, one * 1000)] += 1
    values: dict[str, Any] = {
        "dispatch": dispatch.pk,
        "at": now(),
        "written": sum(one.mail is not None for one in composed),
        "fell_back": sum(one.failures > 0 for one in composed),
        "failed": sum(bool(one.failed) for one in composed),
        "by_time": by_time,
    }
    if composed:
        with connection.cursor() as cursor:
            cursor.execute(_ADD, values)


def figures_of(dispatch: Dispatch, *, since: datetime | None = None) -> Figures:
    """Return the sums of a dispatch, from an hour on; one query."""
    hours = WritingHour.objects.filter(dispatch=dispatch)
    return _sum(hours.filter(hour__gte=since) if since else hours)


def sentences(campaign: Campaign) -> list[str]:
    """Say how a launched campaign's mails were written, and what their openings showed; empty before any was.

    They speak of times, not of mails: one whose worker died before it was kept is written and counted again.
    """
    if campaign.dispatch is None:
        return []
    figures, said = figures_of(campaign.dispatch), []
    if figures.written:
        times = f"Mails were written {_counted(figures.written, 'time', 'times')}"
        percent = _percent(figures.fell_back, figures.written)
        said.append(
            f"{times}; {figures.fell_back:,} of these ({percent} %) had something that failed or was empty, "
            "in place of which stands what is stored for that."
            if figures.fell_back
            else "Every mail that was written was written in full: nothing in it failed or was empty."
        )
    if figures.failed:
        said.append(f"Writing a mail failed {_counted(figures.failed, 'time', 'times')}.")
    typical, slow = figures.milliseconds(0.5), figures.milliseconds(0.95)
    if typical and slow:
        said.append(f"Half of them were written in {typical} ms each, 95 % in {slow} ms.")
    if figures.openings:
        stored = _share_of(figures.openings_stored, figures.openings, "opening", "openings")
        said.append(f"Products were chosen when mails were opened; {stored} showed those stored at sending.")
    return said


def refresh_alerts() -> int:
    """Count recent openings, and open and close the alerts about campaigns and journeys; return how many are new.

    The present hour and the one before are looked at: what was bad earlier is over.
    """
    since = (now() - timedelta(hours=1)).replace(minute=0, second=0, microsecond=0)
    with connection.cursor() as cursor:
        cursor.execute(_COUNT_OPENINGS, {"since": since})
    by_dispatch: dict[int, list[WritingHour]] = {}
    for hour in WritingHour.objects.filter(hour__gte=since).order_by("dispatch_id", "hour"):
        by_dispatch.setdefault(hour.dispatch_id, []).append(hour)
    names = _names(by_dispatch)
    told, new = set(), 0
    for dispatch_id, hours in by_dispatch.items():
        for cause, title, body in _complaints(names.get(dispatch_id, "A mailing"), _sum(hours)):
            key = f"writing:{dispatch_id}:{cause}"
            told.add(key)
            new += raise_alert(key, severity=Alert.Severity.WARNING, title=title, body=body)
    resolve(_KEYS & ~Q(key__in=told))
    return new


def _complaints(name: str, figures: Figures) -> Iterable[tuple[str, str, str]]:
    """What is wrong, as (cause, title, sentence)."""
    tried = figures.written + figures.failed
    if tried >= LEAST and 100 * figures.failed > settings.ALERT_FAILED_PERCENT * tried:
        share = _share_of(figures.failed, tried, "mail", "mails")
        yield "failed", f"Mails of {name} cannot be written", f"{share} could not be written."
    if (
        figures.written >= LEAST
        and 100 * figures.fell_back > settings.ALERT_FALLBACK_PERCENT * figures.written
    ):
        share = _share_of(figures.fell_back, figures.written, "mail", "mails")
        yield (
            "fallback",
            f"Mails of {name} show their fallbacks",
            f"In {share} something failed or was empty.",
        )
    if figures.openings >= LEAST and (
        100 * figures.openings_stored > settings.ALERT_FALLBACK_PERCENT * figures.openings
    ):
        share = _share_of(figures.openings_stored, figures.openings, "opening", "openings")
        yield (
            "openings",
            f"Mails of {name} choose nothing when opened",
            f"{share} showed what was stored at sending.",
        )
    slow = figures.milliseconds(0.95)
    if sum(figures.by_time) >= LEAST and (slow is None or slow > settings.ALERT_WRITING_MS):
        took = f"more than {STEPS_MS[-1]} ms" if slow is None else f"up to {slow} ms"
        yield "slow", f"Mails of {name} are slow to write", f"The slowest 5 % take {took} or longer each."


def _sum(hours: Iterable[WritingHour]) -> Figures:
    rows = list(hours)
    timed = [row.by_time for row in rows if row.by_time]
    return Figures(
        written=sum(row.written for row in rows),
        fell_back=sum(row.fell_back for row in rows),
        failed=sum(row.failed for row in rows),
        by_time=[sum(column) for column in zip(*timed, strict=True)],
        openings=sum(row.openings for row in rows),
        openings_stored=sum(row.openings_stored for row in rows),
    )


def _names(dispatch_ids: Iterable[int]) -> dict[int, str]:
    ids = list(dispatch_ids)
    found: dict[int, str] = {}
    for model in (Campaign, Journey):
        found |= dict(model._default_manager.filter(dispatch__in=ids).values_list("dispatch_id", "name"))
    return {dispatch: f"“{name}”" for dispatch, name in found.items()}


def _share_of(part: int, whole: int, one: str, many: str) -> str:
    """`3 of 1,240 mails (0.2 %)`."""
    return f"{part:,} of {_counted(whole, one, many)} ({_percent(part, whole)} %)"


def _percent(part: int, whole: int) -> str:
    percent = 100 * part / whole if whole else 0.0
    return f"{percent:.1f}" if 0 < percent < 10 else f"{percent:.0f}"


def _counted(count: int, one: str, many: str) -> str:
    return f"{count:,} {one if count == 1 else many}"
