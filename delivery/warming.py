"""Warm-up plans: a sender hands over only so many mails a day, more each day, until its provider knows it.

What is counted is what is first handed over, in the transaction that keeps the mail (`outbox.keep`): two workers never
hand over more than the day allows, and a worker that dies before has used nothing up. A mail that comes back untaken
is not counted. What has to wait stays queued as it is, and goes on with the next day.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper
from django.utils.timezone import get_default_timezone

from delivery.models import Dispatch, Message, Sender, WarmUp

STANDARD = (
    *(50, 100, 500, 1_000, 5_000, 10_000, 20_000, 40_000, 70_000, 100_000, 150_000, 250_000),
    *(400_000, 600_000, 1_000_000),
)
MOST_DAYS, MOST_A_DAY = 90, 10_000_000
MOST_COUNTED = 100_000
"""Mails that wait are counted to here for a page."""

_STANDS = """
SELECT daily_limits, step, day, used, (statement_timestamp() AT TIME ZONE %(zone)s)::date
FROM delivery_warmup WHERE sender_id = %(sender)s
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Stand:
    """Where a plan stands on a day: `step` counts from 0 and is `len(limits)` when the plan is over."""

    limits: tuple[int, ...]
    step: int
    day: date
    used: int

    @property
    def limit(self) -> int | None:
        """How many mails the day allows; None when the plan is over."""
        return self.limits[self.step] if self.step < len(self.limits) else None

    @property
    def left(self) -> int | None:
        """How many of them are left; None when the plan is over."""
        return None if self.limit is None else max(0, self.limit - self.used)

    @property
    def is_used_up(self) -> bool:
        """Whether nothing more leaves on this day."""
        return self.left == 0

    @property
    def goes_on_at(self) -> datetime:
        """When the next day begins."""
        return datetime.combine(self.day + timedelta(days=1), time(), tzinfo=get_default_timezone())

    def on(self, day: date) -> "Stand":
        """The same plan on a later day: a step further if half of the limit was used, else on the same step."""
        if day <= self.day:
            return self
        has_counted = self.limit is not None and self.used * 2 >= self.limit
        return Stand(limits=self.limits, step=self.step + has_counted, day=day, used=0)

    def next_day(self) -> "Stand":
        """The plan tomorrow."""
        return self.on(self.day + timedelta(days=1))

    def last_day_of(self, waiting: int) -> date:
        """On which day the last of so many waiting mails leaves, if all leave that may."""
        stand = self
        while stand.left is not None and stand.left < waiting:
            waiting -= stand.left
            full = Stand(limits=stand.limits, step=stand.step, day=stand.day, used=stand.limits[stand.step])
            stand = full.next_day()
        return stand.day


@dataclass(slots=True)
class Allotment:
    """What may be handed over now, and how much of it was."""

    count: int
    used: int = 0


def stand_of(sender_id: int) -> Stand | None:
    """Where a sender's plan stands today; None if it has none."""
    with connection.cursor() as cursor:
        return _read(cursor, sender_id, _STANDS)


def left_today(sender_id: int) -> int | None:
    """How many mails a sender's plan still allows today; None: as many as its rate does."""
    stand = stand_of(sender_id)
    return None if stand is None else stand.left


@contextmanager
def allotted(sender_id: int, *, wanted: int) -> Iterator[Allotment]:
    """Hold a sender's plan until the block ends, which says how many mails were kept (`used`); in one transaction."""
    with transaction.atomic(), connection.cursor() as cursor:
        stand = _read(cursor, sender_id, f"{_STANDS} FOR UPDATE")
        left = None if stand is None else stand.left
        allotment = Allotment(count=wanted if left is None else min(wanted, left))
        yield allotment
        if stand is not None and stand.limit is not None and allotment.used:
            cursor.execute(
                "UPDATE delivery_warmup SET day = %s, step = %s, used = %s WHERE sender_id = %s",
                [stand.day, stand.step, stand.used + allotment.used, sender_id],
            )


class TooShortError(ValueError):
    """The plan is further than the new limits reach: to go on by them would end it."""


def plan(sender: Sender, limits: Sequence[int], *, is_begun_anew: bool = False) -> Stand:
    """Give a sender a plan, or change the limits of the one it has, and return where it stands today.

    How far it has come stays unless it is begun anew; what left today is counted in any case. Raises `TooShortError`.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        WarmUp.objects.get_or_create(sender=sender, defaults={"daily_limits": list(limits)})
        before = _read(cursor, sender.pk, f"{_STANDS} FOR UPDATE")
        assert before is not None
        step = 0 if is_begun_anew else before.step
        if step >= len(limits):
            raise TooShortError(
                f"The plan is on day {step + 1}, and these are {len(limits)}: write more days, or begin anew."
            )
        stand = replace(before, limits=tuple(limits), step=step)
        WarmUp.objects.filter(sender=sender).update(
            daily_limits=list(limits), step=step, day=stand.day, used=stand.used
        )
    return stand


def end(sender: Sender) -> bool:
    """Take a sender's plan away: its rate alone limits it then. False if it had none."""
    return bool(WarmUp.objects.filter(sender=sender).delete()[0])


def stands(sender_ids: Sequence[int] | None = None) -> dict[int, Stand]:
    """Where the plans of some senders (None: of all) stand today, those that are over left out; one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT sender_id, daily_limits, step, day, used, (statement_timestamp() AT TIME ZONE %s)::date
            FROM delivery_warmup
            WHERE step < cardinality(daily_limits) AND (%s::bigint[] IS NULL OR sender_id = ANY(%s))
            ORDER BY sender_id
            """,
            [settings.TIME_ZONE, *[None if sender_ids is None else list(sender_ids)] * 2],
        )
        found = {sender_id: _stand(*row) for sender_id, *row in cursor.fetchall()}
    return {sender_id: stand for sender_id, stand in found.items() if stand.limit is not None}


def waiting_mails(sender_id: int) -> int:
    """How many mails of a sender's campaigns and journeys wait, due or not; counted to `MOST_COUNTED` + 1."""
    dispatches = Dispatch.objects.filter(sender=sender_id, state=Dispatch.State.SENDING)
    waiting = Message.objects.filter(dispatch__in=dispatches, state=Message.State.QUEUED)
    return waiting[: MOST_COUNTED + 1].count()


def _read(cursor: CursorWrapper, sender_id: int, statement: str) -> Stand | None:
    cursor.execute(statement, {"sender": sender_id, "zone": settings.TIME_ZONE})
    row = cursor.fetchone()
    return None if row is None else _stand(*row)


def _stand(limits: list[int], step: int, day: date | None, used: int, today: date) -> Stand:
    return Stand(limits=tuple(limits), step=step, day=day or today, used=used).on(today)
