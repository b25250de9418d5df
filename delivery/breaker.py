"""A provider that takes nothing is left alone: for as long as it says, or longer each time; then one mail tries it.

Kept in a row a sender, so that a restart and a second worker know. No row, or one whose time has come and whose trial
succeeded: closed. Waiting for `retry_at`: open. After that, half open: one worker tries with one mail.
"""

import random
from datetime import timedelta
from enum import Enum

from django.db import connection
from django.db.models.functions import Now

from delivery.models import Breaker

FIRST_WAIT = timedelta(seconds=1)
LONGEST_WAIT = timedelta(minutes=15)


class Gate(Enum):
    """Whether a sender's mail may be handed over."""

    OPEN_TO_ALL = "open to all"
    ONE_TO_TRY = "one to try"
    SHUT = "shut"


def enter(sender_id: int, *, for_seconds: float) -> Gate:
    """Ask whether to send; `ONE_TO_TRY` goes to one worker, who has `for_seconds` to report what came of it."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH tried AS (
                UPDATE delivery_breaker SET probed_until = statement_timestamp() + make_interval(secs => %(lease)s)
                WHERE sender_id = %(sender)s AND retry_at <= statement_timestamp()
                    AND (probed_until IS NULL OR probed_until < statement_timestamp())
                RETURNING sender_id
            )
            SELECT EXISTS (SELECT FROM tried), EXISTS (SELECT FROM delivery_breaker WHERE sender_id = %(sender)s)
            """,
            {"sender": sender_id, "lease": for_seconds},
        )
        may_try, is_refusing = cursor.fetchone()
    return Gate.ONE_TO_TRY if may_try else Gate.SHUT if is_refusing else Gate.OPEN_TO_ALL


def shut(sender_id: int, *, reason: str, retry_after: timedelta | None) -> None:
    """Leave a sender's provider alone for a while. Several workers that meet the same refusal count once."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO delivery_breaker AS breaker (sender_id, refusals, reason, since, retry_at)
            VALUES (%(sender)s, 1, %(reason)s, statement_timestamp(),
                statement_timestamp() + make_interval(secs => %(first)s))
            ON CONFLICT (sender_id) DO UPDATE SET
                refusals = least(breaker.refusals + 1, 1000), reason = excluded.reason, probed_until = NULL,
                retry_at = statement_timestamp() + make_interval(secs => coalesce(%(said)s::float,
                    least(%(longest)s, %(base)s * power(2, least(breaker.refusals, 30))) * %(jitter)s))
            WHERE breaker.retry_at <= statement_timestamp()
            """,
            {
                "sender": sender_id,
                "reason": reason[:200],
                **_seconds(retry_after),
            },
        )


def open_again(sender_id: int) -> None:
    """The provider took a mail: send as before."""
    Breaker.objects.filter(sender_id=sender_id).delete()


def try_now(sender_id: int) -> bool:
    """Try a provider at once, as a colleague decided; False if it is not left alone."""
    return bool(Breaker.objects.filter(sender_id=sender_id).update(retry_at=Now(), probed_until=None))


def give_up_trial(sender_id: int) -> None:
    """Nothing was there to try it with: let the next one try."""
    Breaker.objects.filter(sender_id=sender_id).update(probed_until=None)


def _seconds(said: timedelta | None) -> dict[str, float | None]:
    """How long to wait: what the provider says, a little later for each; or by guess, from 0.75 to 1.25 of it."""
    jitter = random.uniform(0.75, 1.25)
    asked = None if said is None else said.total_seconds() * random.uniform(1.0, 1.05)
    base = FIRST_WAIT.total_seconds()
    return {
        "said": asked,
        "first": base * jitter if asked is None else asked,
        "base": base,
        "longest": LONGEST_WAIT.total_seconds(),
        "jitter": jitter,
    }
