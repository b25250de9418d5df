"""The queue that PostgreSQL keeps: claim, keep what was written, settle, release.

A message is claimed by one conditional UPDATE that asks consent and suppression again. Each claim raises the row's
`fence`; every later step names it, so that a worker whose lease ran out cannot overwrite what came after it.

What is handed over is kept first: its links, versions and hash for good, its bytes until the message is settled. A
message that still has its bytes when it is claimed *may* be with the provider already. It is handed over again as it
stands, or ends as *unknown*; it is never written anew. All times here are the database's.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from customers.models import Consent
from delivery.answers import InDoubt
from delivery.backends.base import Outgoing
from delivery.link_lists import link_list_of
from delivery.models import Dispatch, Message
from delivery.obstacles import as_sql, obstacles

LEASE = timedelta(seconds=settings.DELIVERY_LEASE_SECONDS)
ASK_AFTER = timedelta(seconds=settings.DELIVERY_ASK_AFTER_SECONDS)
"""How long a provider is given to finish what was handed over before it is asked whether it did."""
MAX_ATTEMPTS = 5
"""How often a message may fail; what ended without its fault (a throttle, a dead worker) is not counted."""
GIVE_UP_AFTER, GIVE_UP_CLAIMS = timedelta(hours=72), 50
"""A mail that is put off for its own sake fails when it is so old and was claimed so often: it may have waited long."""
MAX_DEATHS = 40
"""How many workers may die over a message before it is held to be the reason."""

_CLAIM = """
WITH due AS (
    SELECT message.id, message.customer_id, message.dispatch_id, message.occasion, message.due_at, message.recipient,
        message.handed_over_at, message.raw IS NOT NULL AS is_written
    FROM delivery_message message
    WHERE message.state = 'queued' AND message.due_at <= statement_timestamp() AND message.dispatch_id = %(dispatch)s
    ORDER BY message.due_at, message.id
    LIMIT %(limit)s
    FOR UPDATE OF message SKIP LOCKED
), judged AS (
    SELECT due.id, due.is_written, addressed.email, CASE
        WHEN addressed.email IS NULL THEN 'no address'
        WHEN consent.is_granted IS NOT TRUE AND NOT addressed.is_test THEN 'consent withdrawn'
        WHEN suppression.reason IS NOT NULL THEN suppression.reason
        WHEN due.is_written AND due.recipient <> addressed.email THEN 'the address changed'
        WHEN due.is_written AND due.handed_over_at <= statement_timestamp() - make_interval(secs => %(repeatable_for)s)
            THEN 'the provider may have forgotten its key'
        ELSE (%(reasons)s::text[])[asked.rule]
        END AS obstacle, {due_again} AS due_again
    FROM due
    JOIN customers_customer customer ON customer.id = due.customer_id
    JOIN delivery_dispatch dispatch ON dispatch.id = due.dispatch_id
    CROSS JOIN LATERAL (
        SELECT dispatch.kind = 'test' AS is_test,
            CASE dispatch.kind WHEN 'test' THEN nullif(due.recipient, '') ELSE customer.email END AS email
    ) addressed
    CROSS JOIN LATERAL (
        SELECT CASE WHEN NOT due.is_written AND NOT addressed.is_test THEN {rule} END AS rule
    ) asked
    LEFT JOIN customers_consent consent ON consent.customer_id = due.customer_id AND consent.purpose = %(purpose)s
    LEFT JOIN customers_suppression suppression
        ON suppression.address_hash = sha256(convert_to(%(key)s || ':' || addressed.email, 'UTF8'))
)
UPDATE delivery_message message
SET state = CASE WHEN obstacle IS NULL THEN 'in_flight' WHEN is_written THEN 'unknown'
                 WHEN obstacle = ANY(%(reasons)s::text[])
                     THEN CASE WHEN judged.due_again IS NULL THEN 'skipped' ELSE 'queued' END
                 WHEN obstacle = 'no address' THEN 'skipped' ELSE 'suppressed' END,
    reason = coalesce(obstacle, ''),
    recipient = CASE WHEN is_written THEN recipient WHEN obstacle IS NULL THEN judged.email ELSE '' END,
    raw = CASE WHEN obstacle IS NULL THEN raw END,
    due_at = coalesce(judged.due_again, message.due_at),
    attempts = attempts + CASE WHEN judged.due_again IS NULL THEN 1 ELSE 0 END,
    fence = fence + 1,
    lease_until = CASE WHEN obstacle IS NULL THEN statement_timestamp() + make_interval(secs => %(lease)s) END
FROM judged WHERE judged.id = message.id
RETURNING message.id, message.customer_id, message.variant_key, message.fence, message.attempts,
          message.recipient, message.subject, message.raw, message.state
"""

# Consent is asked once more: minutes may lie between the claim and this.
_KEEP = """
WITH written AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(fences)s::int[], %(subjects)s::text[], %(raws)s::bytea[],
        %(hashes)s::text[], %(resolved)s::jsonb[], %(links)s::jsonb[], %(link_lists)s::bigint[],
        %(fallbacks)s::smallint[])
        AS t(id, fence, subject, raw, content_sha256, resolved, links, link_list_id, fallbacks)
), judged AS (
    SELECT written.*, CASE WHEN consent.is_granted IS NOT TRUE AND dispatch.kind <> 'test' THEN 'consent withdrawn'
                           ELSE suppression.reason END AS obstacle
    FROM written
    JOIN delivery_message message ON message.id = written.id
    JOIN delivery_dispatch dispatch ON dispatch.id = message.dispatch_id
    LEFT JOIN customers_consent consent
        ON consent.customer_id = message.customer_id AND consent.purpose = %(purpose)s
    LEFT JOIN customers_suppression suppression
        ON suppression.address_hash = sha256(convert_to(%(key)s || ':' || message.recipient, 'UTF8'))
), barred AS (
    UPDATE delivery_message message SET state = 'suppressed', reason = obstacle, recipient = '', lease_until = NULL
    FROM judged
    WHERE message.id = judged.id AND message.fence = judged.fence AND message.state = 'in_flight'
        AND obstacle IS NOT NULL
)
UPDATE delivery_message message
SET subject = judged.subject, raw = judged.raw, content_sha256 = judged.content_sha256,
    resolved = judged.resolved, fallbacks = judged.fallbacks,
    links = ARRAY(SELECT jsonb_array_elements_text(judged.links)), link_list_id = judged.link_list_id,
    handed_over_at = statement_timestamp(),
    lease_until = statement_timestamp() + make_interval(secs => %(lease)s)
FROM judged
WHERE message.id = judged.id AND message.fence = judged.fence AND message.state = 'in_flight' AND obstacle IS NULL
RETURNING message.id
"""

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


# After an attempt that ended nobody knows how: what was never handed over is safe to try again, and so is what the
# provider keeps once or can be asked about. `again` says whether it does, `left` whether there are tries left.
_AFTERWARDS = """
CASE WHEN (message.raw IS NULL OR {again}) AND {left} THEN 'queued'
     WHEN message.raw IS NULL THEN 'failed' ELSE 'unknown' END
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claimed:
    """A message that this worker may send until its lease ends.

    `raw` and `subject` are those of an earlier attempt that may have reached the provider; None and empty if none has.
    """

    id: int
    customer_id: int
    variant_key: str
    fence: int
    attempts: int
    recipient: str
    subject: str = ""
    raw: bytes | None = None

    @property
    def key(self) -> str:
        """The idempotency key: the same for every attempt."""
        return Message.key_of(self.id)


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """What composing made of a claimed message: a mail, or the reason why there is none.

    `resolved` and `links` are JSON texts of the values and addresses that went into the mail; the addresses that it
    shares with others of its template's version come before them, in `shared_links`.
    """

    claimed: Claimed
    mail: Outgoing | None = None
    skipped: str = ""
    failed: str = ""
    resolved: str = "{}"
    links: str = "[]"
    shared_links: tuple[str, ...] = ()
    fallbacks: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """How a claimed message ended."""

    claimed: Claimed
    state: Message.State
    reason: str = ""
    provider_id: str = ""


def claim(dispatch_id: int, *, limit: int, repeatable_for: timedelta | None = None) -> list[Claimed]:
    """Take up to `limit` due messages of a dispatch that is sending; in one short transaction.

    A test goes to the address that its message names, whatever its customer allowed; it takes part in all else.
    Who has no address, withdrew consent or is suppressed is settled on the spot and not returned; as *unknown* where
    an earlier attempt may have reached the provider, and so is what was handed over longer ago than `repeatable_for`
    (None: any time). Whom one of `settings.CLAIM_OBSTACLES` keeps from being mailed is skipped or put off. The rows of
    the kill switch and of the dispatch are share-locked, so that after a stop, a pause or a cancel has returned no
    further message is claimed.
    """
    asked = obstacles()
    rule, due_again = as_sql(asked)
    with transaction.atomic(), connection.cursor() as cursor:
        if not _may_send(cursor, dispatch_id):
            return []
        cursor.execute(
            _CLAIM.format(rule=rule, due_again=due_again),
            {
                "reasons": [one.reason[:200] for one in asked],
                "dispatch": dispatch_id,
                "limit": limit,
                "lease": LEASE.total_seconds(),
                "repeatable_for": None if repeatable_for is None else repeatable_for.total_seconds(),
                "purpose": Consent.Purpose.MARKETING_EMAIL,
                "key": settings.SUPPRESSION_KEY,
            },
        )
        rows = cursor.fetchall()
    return sorted(
        (
            Claimed(
                id=i,
                customer_id=c,
                variant_key=v,
                fence=f,
                attempts=a,
                recipient=r,
                subject=subject,
                raw=None if raw is None else bytes(raw),
            )
            for i, c, v, f, a, r, subject, raw, state in rows
            if state == Message.State.IN_FLIGHT
        ),
        key=lambda claimed: claimed.id,
    )


def is_stopped(dispatch_id: int) -> bool:
    """Whether the kill switch is on, or the dispatch is paused or cancelled: what is not handed over yet is kept."""
    with connection.cursor() as cursor:
        return not _may_send(cursor, dispatch_id)


def _may_send(cursor: CursorWrapper, dispatch_id: int) -> bool:
    """Whether a dispatch may send now; share-locks what says so until the transaction ends."""
    cursor.execute("SELECT is_on FROM delivery_killswitch FOR SHARE")
    if any(is_on for (is_on,) in cursor.fetchall()):
        return False
    cursor.execute("SELECT state FROM delivery_dispatch WHERE id = %s FOR SHARE", [dispatch_id])
    return cursor.fetchone() == (Dispatch.State.SENDING,)


def keep(written: Sequence[tuple[Composed, Outgoing]]) -> set[int]:
    """Keep what is about to be handed over, and begin the lease anew; in one statement.

    Returns the ids of the messages that are still this worker's: no other may be handed over. Whose consent was
    withdrawn since the claim is settled as suppressed.
    """
    if not written:
        return set()
    ordered = sorted(written, key=lambda pair: pair[0].claimed.id)
    shared = {links: link_list_of(links) for links in {one.shared_links for one, _ in ordered}}
    with connection.cursor() as cursor:
        cursor.execute(
            _KEEP,
            {
                "ids": [one.claimed.id for one, _ in ordered],
                "fences": [one.claimed.fence for one, _ in ordered],
                "subjects": [mail.subject[:500] for _, mail in ordered],
                "raws": [mail.raw for _, mail in ordered],
                "hashes": [hashlib.sha256(mail.raw).hexdigest() for _, mail in ordered],
                "resolved": [one.resolved for one, _ in ordered],
                "links": [one.links for one, _ in ordered],
                "link_lists": [shared[one.shared_links] for one, _ in ordered],
                "fallbacks": [min(one.fallbacks, 32_767) for one, _ in ordered],
                "lease": LEASE.total_seconds(),
                "purpose": Consent.Purpose.MARKETING_EMAIL,
                "key": settings.SUPPRESSION_KEY,
            },
        )
        return {message_id for (message_id,) in cursor.fetchall()}


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
            },
        )
        return int(cursor.fetchone()[0])


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
    may have handed over stays.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE delivery_message message SET state = 'queued', attempts = attempts - 1, reason = %(reason)s,
                raw = CASE WHEN was_written THEN raw END,
                content_sha256 = CASE WHEN was_written THEN content_sha256 ELSE '' END,
                links = CASE WHEN was_written THEN links END,
                resolved = CASE WHEN was_written THEN resolved END,
                handed_over_at = CASE WHEN was_written THEN handed_over_at END,
                lease_until = NULL, due_at = statement_timestamp() + make_interval(secs => %(delay)s)
            FROM unnest(%(ids)s::bigint[], %(fences)s::int[], %(written)s::bool[]) AS mine(id, fence, was_written)
            WHERE message.id = mine.id AND message.fence = mine.fence AND message.state = 'in_flight'
            """,
            {
                "ids": [c.id for c in claimed],
                "fences": [c.fence for c in claimed],
                "written": [c.raw is not None for c in claimed],
                "reason": reason[:200],
                "delay": delay.total_seconds(),
            },
        )
        return cursor.rowcount


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
