"""Finding out what became of *unknown* messages: from providers' reports, by asking, or by a colleague's decision.

An unknown message becomes *sent* or *failed* when somebody who knows says so, *suppressed* when it did not arrive and
its reader may not be written to any more, and never anything else by itself. The order of reports does not matter: that
the provider took a mail outweighs that it was refused, or that the provider did not have it when it was asked.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from django.conf import settings
from django.db import connection

from customers.models import Consent
from delivery import outbox
from delivery.answers import InDoubt, Unavailable
from delivery.backends import backend_of
from delivery.models import Message, Sender

ASKED_AT_ONCE = 100
_LOCK = 7216_0041

# Every kind that only a mail the provider took can have.
_TAKEN = ("delivered", "deferred", "opened", "clicked", "bounced", "complained", "unsubscribed")
_NOTED = """, noted AS (
    INSERT INTO delivery_messageevent
        (message_id, kind, occurred_at, user_agent, is_machine, verdict, dedupe_key)
    SELECT id, 'sent', sent_at, '', false, '', 'sent:' || id FROM settled WHERE state = 'sent'
    ON CONFLICT (dedupe_key) DO NOTHING
)
SELECT count(*) FROM settled"""
_BY_REPORTS = """
WITH told AS (
    SELECT message.id, bool_or(event.kind = ANY(%(taken)s)) AS is_taken FROM delivery_message message
    JOIN delivery_messageevent event ON event.message_id = message.id
    WHERE {chosen} AND (event.kind = 'rejected' OR event.kind = ANY(%(taken)s))
    GROUP BY message.id
), settled AS (
    UPDATE delivery_message message SET
        state = CASE WHEN is_taken THEN 'sent' ELSE 'failed' END,
        reason = CASE WHEN is_taken THEN '' ELSE 'the provider reported that it refused it' END,
        sent_at = CASE WHEN is_taken THEN coalesce(message.handed_over_at, statement_timestamp()) END,
        settled_by = 'report'
    FROM told WHERE told.id = message.id
        AND (message.state = 'unknown' OR is_taken AND message.state <> 'sent' AND message.settled_by <> '')
    RETURNING message.id, message.state, message.sent_at
){noted}
"""
# What did not arrive and may not be sent any more was held back, whatever the attempt at it came to. Its address stays:
# it was handed over, and a late bounce or complaint is about it.
_BY_ASKING = f"""
WITH told AS (
    SELECT message.id, answer.provider_id, {outbox.OBSTACLE} AS obstacle
    FROM unnest(%(ids)s::bigint[], %(provider_ids)s::text[]) AS answer(id, provider_id)
    JOIN delivery_message message ON message.id = answer.id {outbox.OBSTACLE_TABLES}
), settled AS (
    UPDATE delivery_message message SET
        state = CASE WHEN told.provider_id <> '' THEN 'sent' WHEN obstacle IS NULL THEN 'failed' ELSE 'suppressed' END,
        reason = CASE WHEN told.provider_id <> '' THEN ''
                      ELSE coalesce(obstacle, left('the provider does not have it: ' || message.reason, 200)) END,
        provider_id = told.provider_id, settled_by = 'asked',
        sent_at = CASE WHEN told.provider_id <> '' THEN coalesce(message.handed_over_at, statement_timestamp()) END
    FROM told WHERE told.id = message.id AND message.state = 'unknown'
    RETURNING message.id, message.state, message.sent_at
){_NOTED}
"""  # noqa: S608 - only texts of this house


def settle_reported(message_id: int | None = None) -> int:
    """Settle unknown messages (one, or all) about which a report has come; returns how many."""
    chosen = "message.state = 'unknown'" if message_id is None else "message.id = %(message)s"
    with connection.cursor() as cursor:
        cursor.execute(
            _BY_REPORTS.format(chosen=chosen, noted=_NOTED), {"taken": list(_TAKEN), "message": message_id}
        )
        return int(cursor.fetchone()[0])


def ask_providers() -> int:
    """Ask each provider that can be asked about its unknown messages, and settle them; returns how many.

    A provider is asked about a message when it has had `outcomes.ASK_AFTER` to finish (`due_at`), for half a lease in
    all, and by one process at a time. One that does not answer is asked again the next time, and so is the rest.
    """
    total = 0
    for sender in Sender.objects.order_by("pk"):
        if backend_of(sender).in_doubt != InDoubt.ASK:
            continue
        deadline = time.monotonic() + outbox.LEASE.total_seconds() / 2
        with _turn(sender) as is_ours, suppress(Unavailable):
            while is_ours and (settled := _ask(sender, deadline=deadline)):
                total += settled
    return total


@contextmanager
def _turn(sender: Sender) -> Iterator[bool]:
    """Be the one who asks a sender's provider, if nobody is; a process that is killed lets go of it at once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK, sender.pk])
        (is_ours,) = cursor.fetchone()
    try:
        yield is_ours
    finally:
        if is_ours and not connection.needs_rollback and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK, sender.pk])


def _ask(sender: Sender, *, deadline: float) -> int:
    """Ask about the oldest unknown messages of one sender; raises Unavailable."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT message.id FROM delivery_message message
            JOIN delivery_dispatch dispatch ON dispatch.id = message.dispatch_id
            WHERE message.state = 'unknown' AND dispatch.sender_id = %s AND message.recipient <> ''
                AND message.due_at <= statement_timestamp()
            ORDER BY message.id LIMIT %s
            """,
            [sender.pk, ASKED_AT_ONCE],
        )
        ids = [row[0] for row in cursor.fetchall()]
        if not ids:
            return 0
        said = backend_of(sender).ask([Message.key_of(one) for one in ids], deadline=deadline)
        known = {one: said[Message.key_of(one)][:200] for one in ids if Message.key_of(one) in said}
        asked = {
            "ids": list(known),
            "provider_ids": list(known.values()),
            "purpose": Consent.Purpose.MARKETING_EMAIL,
            "key": settings.SUPPRESSION_KEY,
        }
        cursor.execute(_BY_ASKING, asked)
        return int(cursor.fetchone()[0])


def send_again(message_id: int) -> bool:
    """Queue an unknown message once more, as a colleague decided who takes it that it did not arrive.

    It is written anew and asks consent again when it is claimed. False if it is not unknown any more, or its
    campaign was cancelled.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            UPDATE delivery_message message SET state = 'queued', reason = 'sent again by hand', attempts = 0,
                deaths = 0, handed_over_at = NULL, due_at = statement_timestamp()
            FROM delivery_dispatch dispatch
            WHERE message.id = %s AND message.state = 'unknown' AND dispatch.id = message.dispatch_id
                AND dispatch.state <> 'cancelled'
            """,
            [message_id],
        )
        return cursor.rowcount == 1
