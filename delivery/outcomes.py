"""How attempts end: settled, put back, let go when their worker died, or cancelled.

Every step names the fence of its claim (see `delivery.outbox`), so that a worker whose lease ran out cannot overwrite
what came after it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection

from common.prepared_statements import answers, as_array
from delivery.answers import InDoubt
from delivery.models import Message
from delivery.outbox import Claimed

ASK_AFTER = timedelta(seconds=settings.DELIVERY_ASK_AFTER_SECONDS)
"""How long a provider is given to finish what was handed over before it is asked whether it did."""
MAX_ATTEMPTS = 5
"""How often a message may fail; what ended without its fault (a throttle, a dead worker) is not counted."""
GIVE_UP_AFTER, GIVE_UP_CLAIMS = timedelta(hours=72), 50
"""A mail that is put off for its own sake fails when it is so old and was claimed so often: it may have waited long."""
MAX_DEATHS = 40
"""How many workers may die over a message before it is held to be the reason."""

_SETTLE = """
WITH outcome AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(fences)s::int[], %(states)s::text[], %(reasons)s::text[],
        %(provider_ids)s::text[]) AS t(id, fence, state, reason, provider_id)
), settled AS (
    UPDATE delivery_message message
    SET state = outcome.state, reason = outcome.reason, provider_id = outcome.provider_id, raw = NULL,
        lease_until = NULL, sent_at = CASE WHEN outcome.state = 'sent' THEN statement_timestamp() END
    FROM outcome
    WHERE message.id = outcome.id AND message.fence = outcome.fence AND message.state = 'in_flight'
    RETURNING message.id, message.state, message.dispatch_id
), noted AS (
    INSERT INTO delivery_messageevent
        (message_id, kind, occurred_at, user_agent, is_machine, verdict, dedupe_key)
    SELECT settled.id, 'sent', statement_timestamp(), '', false, '', 'sent:' || settled.id
    FROM settled JOIN delivery_dispatch dispatch ON dispatch.id = settled.dispatch_id
    WHERE settled.state = 'sent' AND dispatch.kind <> 'test'
    ON CONFLICT (dedupe_key) DO NOTHING
)
SELECT count(*) FROM settled
"""


_RETURN = """
WITH mine AS (
    SELECT message.id, message.dispatch_id, message.handed_over_at, given.was_written
    FROM unnest(%(ids)s::bigint[], %(fences)s::int[], %(written)s::bool[]) AS given(id, fence, was_written)
    JOIN delivery_message message ON message.id = given.id AND message.fence = given.fence
    WHERE message.state = 'in_flight'
    ORDER BY message.id FOR UPDATE OF message
), returned AS (
    UPDATE delivery_message message SET state = 'queued', attempts = attempts - 1, reason = %(reason)s,
        raw = CASE WHEN was_written THEN raw END,
        content_sha256 = CASE WHEN was_written THEN content_sha256 ELSE '' END,
        links = CASE WHEN was_written THEN links END,
        resolved = CASE WHEN was_written THEN resolved END,
        handed_over_at = CASE WHEN was_written THEN message.handed_over_at END,
        lease_until = NULL, due_at = statement_timestamp() + make_interval(secs => %(delay)s)
    FROM mine WHERE message.id = mine.id
), spared AS (
    SELECT dispatch.sender_id, (mine.handed_over_at AT TIME ZONE %(zone)s)::date AS day, count(*) AS mails
    FROM mine JOIN delivery_dispatch dispatch ON dispatch.id = mine.dispatch_id
    WHERE NOT was_written AND mine.handed_over_at IS NOT NULL GROUP BY 1, 2
), given_back AS (
    UPDATE delivery_warmup plan SET used = greatest(0, plan.used - spared.mails)
    FROM spared WHERE plan.sender_id = spared.sender_id AND plan.day = spared.day
)
SELECT count(*) FROM mine
"""


# After an attempt that ended nobody knows how: what was never handed over is safe to try again, and so is what the
# provider keeps once or can be asked about. `again` says whether it does, `left` whether there are tries left.
_AFTERWARDS = """
CASE WHEN (message.raw IS NULL OR {again}) AND {left} THEN 'queued'
     WHEN message.raw IS NULL THEN 'failed' ELSE 'unknown' END
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How a claimed message ended."""

    claimed: Claimed
    state: Message.State
    reason: str = ""
    provider_id: str = ""


def settle(settlements: Sequence[Settlement]) -> int:
    """Write outcomes in one statement and return how many were ours to write.

    A message claimed again since (its fence has moved on) is left to the later claim. A sent message gets its `sent`
    event in the same statement.
    """
    if not settlements:
        return 0
    ordered = sorted(settlements, key=lambda settlement: settlement.claimed.id)
    ((count,),) = answers(
        _SETTLE,
        {
            "ids": as_array(s.claimed.id for s in ordered),
            "fences": as_array(s.claimed.fence for s in ordered),
            "states": as_array(s.state.value for s in ordered),
            "reasons": as_array(s.reason[:200] for s in ordered),
            "provider_ids": as_array(s.provider_id for s in ordered),
        },
    )
    return int(count)


def put_back(
    claimed: Sequence[Claimed], *, delay: timedelta, reason: str, may_repeat: bool = True
) -> dict[str, int]:
    """End an attempt that failed, and return how many of ours became what.

    A message is queued again while it has attempts left and doing so cannot double it; else it failed, or is
    *unknown* where it was handed over. `may_repeat`: whether the backend keeps a key once or can be asked.
    """
    afterwards = _AFTERWARDS.format(again="%(again)s", left="message.attempts < %(most)s")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH ended AS (
                UPDATE delivery_message message SET state = {afterwards},
                    raw = CASE {afterwards} WHEN 'queued' THEN raw END, reason = %(reason)s, lease_until = NULL,
                    due_at = statement_timestamp() + make_interval(secs => %(delay)s)
                FROM unnest(%(ids)s::bigint[], %(fences)s::int[]) AS mine(id, fence)
                WHERE message.id = mine.id AND message.fence = mine.fence AND message.state = 'in_flight'
                RETURNING message.state
            )
            SELECT state, count(*) FROM ended GROUP BY state
            """,  # noqa: S608 - only texts of this module
            {
                "ids": [c.id for c in claimed],
                "fences": [c.fence for c in claimed],
                "again": may_repeat,
                "most": MAX_ATTEMPTS,
                "reason": reason[:200],
                "delay": delay.total_seconds(),
            },
        )
        return dict(cursor.fetchall())


def give_up(claimed: Sequence[Claimed], *, reason: str) -> set[int]:
    """Fail those of these messages that were put off for too long; returns their ids.

    What an earlier attempt may have handed over is left to be queued again.
    """
    often = [one for one in claimed if one.raw is None and one.fence >= GIVE_UP_CLAIMS]
    if not often:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE delivery_message message SET state = 'failed', reason = %(reason)s, raw = NULL, lease_until = NULL
            FROM unnest(%(ids)s::bigint[], %(fences)s::int[]) AS mine(id, fence)
            WHERE message.id = mine.id AND message.fence = mine.fence AND message.state = 'in_flight'
                AND message.created_at < statement_timestamp() - make_interval(secs => %(age)s)
            RETURNING message.id
            """,
            {
                "ids": [c.id for c in often],
                "fences": [c.fence for c in often],
                "reason": reason[:200],
                "age": GIVE_UP_AFTER.total_seconds(),
            },
        )
        return {message_id for (message_id,) in cursor.fetchall()}


def return_unsent(claimed: Sequence[Claimed], *, delay: timedelta, reason: str) -> int:
    """Queue messages again of which nothing was handed over: that is no attempt. Returns how many were ours.

    What this worker wrote for them is forgotten, so that the next one writes from fresh data; what an earlier attempt
    may have handed over stays. A sender's plan for the day gets them back (see `delivery.warming`).
    """
    if not claimed:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            _RETURN,
            {
                "ids": [c.id for c in claimed],
                "fences": [c.fence for c in claimed],
                "written": [c.raw is not None for c in claimed],
                "reason": reason[:200],
                "delay": delay.total_seconds(),
                "zone": settings.TIME_ZONE,
            },
        )
        return int(cursor.fetchone()[0])


def release_expired(*, in_doubt: Mapping[int, InDoubt]) -> dict[str, int]:
    """Deal with messages whose worker died: `in_doubt` says for each sender what its provider allows.

    What was not handed over yet is queued again, and so is the rest where that cannot double it (where the provider
    is asked first, it is given time to finish); elsewhere it becomes *unknown* and is not resent by itself. A death is
    no attempt, but a message over which `MAX_DEATHS` workers died is let go. Returns how many became what.
    """
    afterwards = _AFTERWARDS.format(again="expired.again", left="message.deaths + 1 < %(most)s")
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH expired AS (
                SELECT message.id, dispatch.sender_id = ANY(%(repeated)s::bigint[] || %(asked)s::bigint[]) AS again,
                    CASE WHEN message.raw IS NOT NULL AND dispatch.sender_id = ANY(%(asked)s::bigint[])
                         THEN %(ask_after)s
                         ELSE least(message.deaths, 12) * 5 END AS delay
                FROM delivery_message message
                JOIN delivery_dispatch dispatch ON dispatch.id = message.dispatch_id
                WHERE message.state = 'in_flight' AND message.lease_until < statement_timestamp()
                ORDER BY message.id FOR UPDATE OF message SKIP LOCKED
            ), released AS (
                UPDATE delivery_message message
                SET state = {afterwards}, raw = CASE {afterwards} WHEN 'queued' THEN raw END,
                    reason = 'the worker died', lease_until = NULL, fence = fence + 1,
                    attempts = attempts - 1, deaths = deaths + 1,
                    due_at = statement_timestamp() + make_interval(secs => delay)
                FROM expired WHERE expired.id = message.id RETURNING message.state
            )
            SELECT state, count(*) FROM released GROUP BY state
            """,  # noqa: S608 - only texts of this module
            {
                "repeated": [sender for sender, may in in_doubt.items() if may == InDoubt.REPEAT],
                "asked": [sender for sender, may in in_doubt.items() if may == InDoubt.ASK],
                "ask_after": ASK_AFTER.total_seconds(),
                "most": MAX_DEATHS,
            },
        )
        return dict(cursor.fetchall())


def skip_cancelled(dispatch_id: int | None = None) -> int:
    """Settle what waits in cancelled dispatches (one, or all); returns how many.

    That is *skipped*, or *unknown* where an earlier attempt may have reached the provider.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE delivery_message message
            SET state = CASE WHEN raw IS NULL THEN 'skipped' ELSE 'unknown' END, raw = NULL,
                reason = 'the campaign was cancelled'
            FROM delivery_dispatch dispatch
            WHERE dispatch.id = message.dispatch_id AND dispatch.state = 'cancelled'
                AND message.state IN ('queued', 'held') AND (%(dispatch)s::bigint IS NULL OR dispatch.id = %(dispatch)s)
            """,
            {"dispatch": dispatch_id},
        )
        return cursor.rowcount
