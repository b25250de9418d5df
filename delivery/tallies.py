"""How many mails of each sender were sent and failed lately, counted chunk by chunk in slots of ten minutes."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection
from django.db.models.functions import Now

from delivery.models import Message, Sender, SendTally

LOOKED_BACK = timedelta(days=1)
FORGOTTEN_AFTER = timedelta(days=7)
_COUNTED = (Message.State.SENT, Message.State.FAILED, Message.State.UNKNOWN)
_FAILING = """
WITH slots AS (
    SELECT sender_id, failed, sent + failed + unknown AS settled,
        sum(sent + failed + unknown) OVER (PARTITION BY sender_id ORDER BY began_at DESC) AS so_far
    FROM delivery_sendtally WHERE began_at > statement_timestamp() - make_interval(secs => %(back)s)
)
SELECT sender_id, sum(failed)::int, sum(settled)::int FROM slots WHERE so_far - settled < %(last)s
GROUP BY sender_id
HAVING sum(settled) * 10 >= %(last)s AND sum(failed) * 100 > %(percent)s * sum(settled)
ORDER BY sender_id
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failing:
    """A sender of whose last mails too many failed."""

    sender: Sender
    failed: int
    settled: int


def count(sender_id: int, states: Mapping[str, int]) -> None:
    """Add what became of a chunk; nothing where none was handed over or failed."""
    sent, failed, unknown = (states.get(state.value, 0) for state in _COUNTED)
    if not sent + failed + unknown:
        return
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO delivery_sendtally AS tally (sender_id, began_at, sent, failed, unknown)
            VALUES (%s, date_bin('10 minutes', statement_timestamp(), timestamptz 'epoch'), %s, %s, %s)
            ON CONFLICT (sender_id, began_at) DO UPDATE SET sent = tally.sent + excluded.sent,
                failed = tally.failed + excluded.failed, unknown = tally.unknown + excluded.unknown
            """,
            [sender_id, sent, failed, unknown],
        )


def failing() -> list[Failing]:
    """The senders of whose last `FAILED_ALERT_LAST` mails within a day more than `FAILED_ALERT_PERCENT` % failed.

    The window is filled up by whole slots; a tenth of it is needed to judge. Two queries.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _FAILING,
            {
                "back": LOOKED_BACK.total_seconds(),
                "last": settings.FAILED_ALERT_LAST,
                "percent": settings.FAILED_ALERT_PERCENT,
            },
        )
        rows = cursor.fetchall()
    senders = Sender.objects.in_bulk([row[0] for row in rows])
    return [
        Failing(sender=senders[sender_id], failed=failed, settled=settled)
        for sender_id, failed, settled in rows
    ]


def forget_old() -> int:
    """Delete slots that nobody looks at any more."""
    deleted, _ = SendTally.objects.filter(began_at__lt=Now() - FORGOTTEN_AFTER).delete()
    return deleted
