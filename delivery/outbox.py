"""The queue that PostgreSQL keeps: claim, keep what was written, settle, release.

A message is claimed by one conditional UPDATE that asks consent and suppression again. Each claim raises the row's
`fence`; every later step names it, so that a worker whose lease ran out cannot overwrite what came after it.

What is handed over is kept first: its links, versions and hash for good, its bytes until the message is settled. A
message that still has its bytes when it is claimed *may* be with the provider already. It is handed over again as it
stands, or ends as *unknown*; it is never written anew. Where nothing may be handed over twice no bytes stand for them.
All times here are the database's.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.db import connection, transaction
from django.db.backends.utils import CursorWrapper

from common.prepared_statements import answers, as_array
from customers.models import Consent
from delivery.backends.base import Outgoing
from delivery.link_lists import link_list_of
from delivery.models import Dispatch, Message
from delivery.obstacles import as_sql, obstacles

LEASE = timedelta(seconds=settings.DELIVERY_LEASE_SECONDS)
_CLAIM = """
WITH due AS (
    SELECT message.id, message.customer_id, message.dispatch_id, message.occasion, message.due_at, message.recipient,
        message.handed_over_at, message.raw IS NOT NULL AS is_written, octet_length(message.raw) = 0 AS is_once
    FROM delivery_message message
    WHERE message.state = 'queued' AND message.due_at <= statement_timestamp() AND message.dispatch_id = %(dispatch)s
        AND (%(fresh)s OR message.raw IS NOT NULL)
    ORDER BY message.due_at, message.id
    LIMIT %(limit)s
    FOR UPDATE OF message SKIP LOCKED
), judged AS (
    SELECT due.id, due.is_written, addressed.email, CASE
        WHEN addressed.email IS NULL THEN 'no address'
        WHEN consent.is_granted IS NOT TRUE AND NOT addressed.is_test THEN 'consent withdrawn'
        WHEN suppression.reason IS NOT NULL THEN suppression.reason
        WHEN due.is_written AND due.recipient <> addressed.email THEN 'the address changed'
        WHEN due.is_once THEN 'it was handed over where nothing may be twice'
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

OBSTACLE = """
CASE WHEN consent.is_granted IS NOT TRUE AND dispatch.kind <> 'test' THEN 'consent withdrawn'
     ELSE suppression.reason END
"""
"""Why a message must not go to its recipient, as SQL over `OBSTACLE_TABLES`; NULL if it may."""
OBSTACLE_TABLES = """
    JOIN delivery_dispatch dispatch ON dispatch.id = message.dispatch_id
    LEFT JOIN customers_consent consent
        ON consent.customer_id = message.customer_id AND consent.purpose = %(purpose)s
    LEFT JOIN customers_suppression suppression
        ON suppression.address_hash = sha256(convert_to(%(key)s || ':' || message.recipient, 'UTF8'))
"""
"""What `OBSTACLE` reads, joined to `message`."""
# Consent is asked once more: minutes may lie between the claim and this.
_KEEP = f"""
WITH written AS (
    SELECT * FROM unnest(%(ids)s::bigint[], %(fences)s::int[], %(subjects)s::text[], %(raws)b::bytea[],
        %(hashes)s::text[], %(resolved)s::jsonb[], %(links)s::jsonb[], %(link_lists)s::bigint[],
        %(fallbacks)s::smallint[])
        AS t(id, fence, subject, raw, content_sha256, resolved, links, link_list_id, fallbacks)
), judged AS (
    SELECT written.*, {OBSTACLE} AS obstacle FROM written
    JOIN delivery_message message ON message.id = written.id {OBSTACLE_TABLES}
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
"""  # noqa: S608 - only texts of this module


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
    shares with others of its template's version come before them, in `shared_links`. Of the `fallbacks`, `failures`
    are those where more than a customer's value was missing.
    """

    claimed: Claimed
    mail: Outgoing | None = None
    skipped: str = ""
    failed: str = ""
    resolved: str = "{}"
    links: str = "[]"
    shared_links: tuple[str, ...] = ()
    fallbacks: int = 0
    failures: int = 0


def claim(
    dispatch_id: int, *, limit: int, repeatable_for: timedelta | None = None, fresh: bool = True
) -> list[Claimed]:
    """Take up to `limit` due messages of a dispatch that is sending; in one short transaction.

    Without `fresh` only those are taken that an earlier attempt may have handed over.

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
                "fresh": fresh,
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


def keep(written: Sequence[tuple[Composed, Outgoing]], *, may_repeat: bool = True) -> set[int]:
    """Keep what is about to be handed over, and begin the lease anew; in one statement.

    Returns the ids of the messages that are still this worker's: no other may be handed over. Whose consent was
    withdrawn since the claim is settled as suppressed. Without `may_repeat` (the backend keeps no keys and cannot be
    asked) the bytes themselves are not kept.
    """
    if not written:
        return set()
    ordered = sorted(written, key=lambda pair: pair[0].claimed.id)
    shared = {links: link_list_of(links) for links in {one.shared_links for one, _ in ordered}}
    kept = answers(
        _KEEP,
        {
            "ids": as_array(one.claimed.id for one, _ in ordered),
            "fences": as_array(one.claimed.fence for one, _ in ordered),
            "subjects": as_array(mail.subject[:500] for _, mail in ordered),
            "raws": [mail.raw if may_repeat else b"" for _, mail in ordered],
            "hashes": as_array(hashlib.sha256(mail.raw).hexdigest() for _, mail in ordered),
            "resolved": as_array(one.resolved for one, _ in ordered),
            "links": as_array(one.links for one, _ in ordered),
            "link_lists": as_array(shared[one.shared_links] for one, _ in ordered),
            "fallbacks": as_array(min(one.fallbacks, 32_767) for one, _ in ordered),
            "lease": LEASE.total_seconds(),
            "purpose": Consent.Purpose.MARKETING_EMAIL.value,
            "key": settings.SUPPRESSION_KEY,
        },
    )
    return {message_id for (message_id,) in kept}
