"""The queue that PostgreSQL keeps: claim, settle, release.

A message is claimed by one conditional UPDATE that asks consent and suppression again. Each claim raises the row's
`fence`; settling names the fence, so that a worker whose lease ran out cannot overwrite what came after it.
All times here are the database's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction

from customers.models import Consent
from delivery.models import Dispatch, Message

LEASE = timedelta(minutes=5)
MAX_ATTEMPTS = 5

_CLAIM = """
WITH due AS (
    SELECT message.id, message.customer_id
    FROM delivery_message message
    WHERE message.state = 'queued' AND message.due_at <= statement_timestamp() AND message.dispatch_id = %(dispatch)s
    ORDER BY message.due_at, message.id
    LIMIT %(limit)s
    FOR UPDATE OF message SKIP LOCKED
), judged AS (
    SELECT due.id, due.customer_id, customer.email, CASE
        WHEN customer.email IS NULL THEN 'no address'
        WHEN consent.is_granted IS NOT TRUE THEN 'consent withdrawn'
        WHEN suppression.reason IS NOT NULL THEN suppression.reason
        END AS obstacle
    FROM due
    JOIN customers_customer customer ON customer.id = due.customer_id
    LEFT JOIN customers_consent consent ON consent.customer_id = due.customer_id AND consent.purpose = %(purpose)s
    LEFT JOIN customers_suppression suppression
        ON suppression.address_hash = sha256(convert_to(%(key)s || ':' || customer.email, 'UTF8'))
)
UPDATE delivery_message message
SET state = CASE WHEN obstacle IS NULL THEN 'in_flight' WHEN obstacle = 'no address' THEN 'skipped'
                 ELSE 'suppressed' END,
    reason = coalesce(obstacle, ''),
    recipient = CASE WHEN obstacle IS NULL THEN judged.email ELSE '' END,
    attempts = attempts + 1,
    fence = fence + 1,
    lease_until = CASE WHEN obstacle IS NULL THEN statement_timestamp() + make_interval(secs => %(lease)s) END
FROM judged WHERE judged.id = message.id
RETURNING message.id, message.customer_id, message.variant_key, message.fence, message.attempts,
          message.recipient, message.state
"""

_SETTLE = """
WITH outcome AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(fences)s::int[], %(states)s::text[], %(reasons)s::text[],
        %(provider_ids)s::text[], %(subjects)s::text[], %(hashes)s::text[], %(resolved)s::jsonb[],
        %(links)s::jsonb[], %(fallbacks)s::smallint[])
        AS t(id, fence, state, reason, provider_id, subject, content_sha256, resolved, links, fallbacks)
), settled AS (
    UPDATE delivery_message message
    SET state = outcome.state, reason = outcome.reason, provider_id = outcome.provider_id,
        subject = outcome.subject, content_sha256 = outcome.content_sha256, resolved = outcome.resolved,
        links = CASE WHEN outcome.links IS NULL THEN NULL
                ELSE ARRAY(SELECT jsonb_array_elements_text(outcome.links)) END,
        fallbacks = outcome.fallbacks, lease_until = NULL,
        sent_at = CASE WHEN outcome.state = 'sent' THEN statement_timestamp() END
    FROM outcome
    WHERE message.id = outcome.id AND message.fence = outcome.fence AND message.state = 'in_flight'
    RETURNING message.id, message.state
), noted AS (
    INSERT INTO delivery_messageevent
        (message_id, kind, occurred_at, user_agent, is_machine, verdict, dedupe_key)
    SELECT id, 'sent', statement_timestamp(), '', false, '', 'sent:' || id FROM settled WHERE state = 'sent'
    ON CONFLICT (dedupe_key) DO NOTHING
)
SELECT count(*) FROM settled
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A message that this worker may send until its lease ends."""

    id: int
    customer_id: int
    variant_key: str
    fence: int
    attempts: int
    recipient: str

    @property
    def key(self) -> str:
        """The idempotency key: the same for every attempt."""
        return f"regards-{self.id}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How a claimed message ended. `resolved` and `links` are JSON texts, None where nothing was composed."""

    claimed: Claimed
    state: Message.State
    reason: str = ""
    provider_id: str = ""
    subject: str = ""
    content_sha256: str = ""
    resolved: str | None = None
    links: str | None = None
    fallbacks: int = 0


def claim(dispatch_id: int, *, limit: int) -> list[Claimed]:
    """Take up to `limit` due messages of a dispatch that is sending; in one short transaction.

    Who has no address, withdrew consent or is suppressed is settled on the spot and not returned. The dispatch's row
    is share-locked, so that after a pause or cancel has returned no further message is claimed.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT state FROM delivery_dispatch WHERE id = %s FOR SHARE", [dispatch_id])
        row = cursor.fetchone()
        if row is None or row[0] != Dispatch.State.SENDING:
            return []
        cursor.execute(
            _CLAIM,
            {
                "dispatch": dispatch_id,
                "limit": limit,
                "lease": LEASE.total_seconds(),
                "purpose": Consent.Purpose.MARKETING_EMAIL,
                "key": settings.SUPPRESSION_KEY,
            },
        )
        rows = cursor.fetchall()
    return sorted(
        (
            Claimed(id=i, customer_id=c, variant_key=v, fence=f, attempts=a, recipient=r)
            for i, c, v, f, a, r, state in rows
            if state == Message.State.IN_FLIGHT
        ),
        key=lambda claimed: claimed.id,
    )


def settle(settlements: Sequence[Settlement]) -> int:
    """Write outcomes in one statement and return how many were ours to write.

    A message claimed again since (its fence has moved on) is left to the later claim. A sent message gets its `sent`
    event in the same statement.
    """
    if not settlements:
        return 0
    ordered = sorted(settlements, key=lambda settlement: settlement.claimed.id)
    with connection.cursor() as cursor:
        cursor.execute(
            _SETTLE,
            {
                "ids": [s.claimed.id for s in ordered],
                "fences": [s.claimed.fence for s in ordered],
                "states": [str(s.state.value) for s in ordered],
                "reasons": [s.reason[:200] for s in ordered],
                "provider_ids": [s.provider_id for s in ordered],
                "subjects": [s.subject[:500] for s in ordered],
                "hashes": [s.content_sha256 for s in ordered],
                "resolved": [s.resolved for s in ordered],
                "links": [s.links for s in ordered],
                "fallbacks": [min(s.fallbacks, 32_767) for s in ordered],
            },
        )
        return int(cursor.fetchone()[0])


def put_back(claimed: Sequence[Claimed], *, delay: timedelta, reason: str) -> int:
    """Queue messages again after a passing failure; those at their last attempt fail. Returns how many were ours."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE delivery_message SET
                state = CASE WHEN attempts >= %(most)s THEN 'failed' ELSE 'queued' END,
                reason = %(reason)s, lease_until = NULL,
                due_at = statement_timestamp() + make_interval(secs => %(delay)s)
            FROM unnest(%(ids)s::bigint[], %(fences)s::int[]) AS mine(id, fence)
            WHERE delivery_message.id = mine.id AND delivery_message.fence = mine.fence AND state = 'in_flight'
            """,
            {
                "ids": [c.id for c in claimed],
                "fences": [c.fence for c in claimed],
                "most": MAX_ATTEMPTS,
                "reason": reason[:200],
                "delay": delay.total_seconds(),
            },
        )
        return cursor.rowcount


def release_expired(*, honours_key: dict[str, bool]) -> dict[str, int]:
    """Deal with messages whose worker died: `honours_key` says for each backend whether it keeps a key once.

    There they are queued again (sending twice keeps one); elsewhere they become *unknown* and are not resent by
    themselves. Returns how many became what.
    """
    safe = [backend for backend, honours in honours_key.items() if honours]
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH expired AS (
                SELECT message.id, sender.backend = ANY(%(safe)s) AS again FROM delivery_message message
                JOIN delivery_dispatch dispatch ON dispatch.id = message.dispatch_id
                JOIN delivery_sender sender ON sender.id = dispatch.sender_id
                WHERE message.state = 'in_flight' AND message.lease_until < statement_timestamp()
                ORDER BY message.id FOR UPDATE OF message SKIP LOCKED
            ), released AS (
                UPDATE delivery_message message
                SET state = CASE WHEN NOT again THEN 'unknown' WHEN attempts >= %(most)s THEN 'failed'
                                 ELSE 'queued' END,
                    reason = 'the worker died', lease_until = NULL, fence = fence + 1
                FROM expired WHERE expired.id = message.id RETURNING message.state
            )
            SELECT state, count(*) FROM released GROUP BY state
            """,
            {"safe": safe, "most": MAX_ATTEMPTS},
        )
        return dict(cursor.fetchall())


def skip_cancelled(dispatch_id: int | None = None) -> int:
    """Settle what waits in cancelled dispatches (one, or all) as skipped; returns how many."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE delivery_message message SET state = 'skipped', reason = 'the campaign was cancelled'
            FROM delivery_dispatch dispatch
            WHERE dispatch.id = message.dispatch_id AND dispatch.state = 'cancelled'
                AND message.state = 'queued' AND (%(dispatch)s::bigint IS NULL OR dispatch.id = %(dispatch)s)
            """,
            {"dispatch": dispatch_id},
        )
        return cursor.rowcount
