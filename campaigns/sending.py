"""Driving the post office for campaigns: chunk after chunk until nothing is due."""

import time

from django.db import connection

from campaigns import test_sending
from campaigns.composing import compose
from campaigns.journeys import mailing
from delivery.models import Dispatch
from delivery.sending import CHUNK, Compose, send_chunk

COMPOSERS: dict[str, Compose] = {
    Dispatch.Kind.CAMPAIGN: compose,
    Dispatch.Kind.JOURNEY: mailing.compose,
    Dispatch.Kind.TEST: test_sending.compose,
}
"""Who writes the mails of a dispatch, by its kind."""
WAIT_FOR_RATE_SECONDS = 0.2


def send_due(dispatch_id: int, *, chunk: int = CHUNK) -> int:
    """Send until there is nothing more to claim, the dispatch is stopped or its provider takes nothing.

    Returns how many messages this worker settled. Several may run this at once: each claims its own chunks.
    """
    settled = 0
    while True:
        dispatch = Dispatch.objects.select_related("sender").get(pk=dispatch_id)
        if dispatch.state != Dispatch.State.SENDING:
            return settled
        result = send_chunk(dispatch, compose=COMPOSERS[dispatch.kind], limit=chunk)
        settled += result.settled
        if result.throttled:
            time.sleep(WAIT_FOR_RATE_SECONDS)
        elif result.unavailable or (not result.claimed and not _is_due(dispatch_id)):
            return settled


def due_dispatches() -> list[int]:
    """Return the dispatches that are sending and have messages due now."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            SELECT id FROM delivery_dispatch dispatch WHERE state = 'sending' AND EXISTS (
                SELECT FROM delivery_message message
                WHERE message.dispatch_id = dispatch.id AND message.state = 'queued'
                    AND message.due_at <= statement_timestamp())
            ORDER BY id
            """
        )
        return [row[0] for row in cursor.fetchall()]


def _is_due(dispatch_id: int) -> bool:
    """Whether an unclaimed message is due (a whole chunk may just have been suppressed)."""
    return dispatch_id in due_dispatches()
