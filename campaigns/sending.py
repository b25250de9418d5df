"""Driving the post office: chunk after chunk, whose turn it is, until nothing is due."""

import logging
import time
from dataclasses import dataclass

from django.db import DatabaseError, InterfaceError

from campaigns import test_sending
from campaigns.composing import compose
from campaigns.journeys import mailing
from campaigns.models import Campaign
from campaigns.quiet import keep_quiet
from delivery import heartbeats
from delivery.models import Dispatch
from delivery.sending import CHUNK, ChunkResult, Compose, send_chunk
from delivery.turns import due_dispatches

logger = logging.getLogger(__name__)

COMPOSERS: dict[str, Compose] = {
    Dispatch.Kind.CAMPAIGN: compose,
    Dispatch.Kind.JOURNEY: mailing.compose,
    Dispatch.Kind.TEST: test_sending.compose,
}
"""Who writes the mails of a dispatch, by its kind."""
SLICE_SECONDS = 60.0
"""For how long one task sends; then others have a turn."""
WAIT_FOR_RATE_SECONDS = 0.2
SOON_SECONDS = 2.0
"""What is due so soon is waited for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slice:
    """How many messages were settled, and whether time ran out before everything that is due was sent."""

    settled: int
    is_more: bool


def send_slice(*, seconds: float = SLICE_SECONDS, chunk: int = CHUNK) -> Slice:
    """Send what is due of any dispatch for a while: before each chunk the most urgent one is chosen anew.

    Dispatches of equal urgency take turns. One that may not send just now, or whose sending raises, lets the others go
    first. Several workers may run this at once: each claims its own chunks.
    """
    until = time.monotonic() + seconds
    settled, turns, resting = 0, dict[int, int](), dict[int, float]()
    while time.monotonic() < until:
        due = due_dispatches(within_seconds=SOON_SECONDS)
        if not due:
            return Slice(settled=settled, is_more=False)
        chosen = _next(due, turns, resting)
        if chosen is None:
            time.sleep(WAIT_FOR_RATE_SECONDS)
            continue
        if chosen.pk not in turns:
            _keep_quiet(chosen)
        turns[chosen.pk] = turns.get(chosen.pk, 0) + 1
        result = _send_one(chosen, chunk)
        if result is None:
            resting[chosen.pk] = until
            continue
        settled += result.settled
        if not result.claimed:
            resting[chosen.pk] = time.monotonic() + WAIT_FOR_RATE_SECONDS
    return Slice(settled=settled, is_more=bool(due_dispatches()))


def send_due(dispatch_id: int, *, chunk: int = CHUNK) -> int:
    """Send one dispatch until there is nothing more to claim, it is stopped or its provider takes nothing.

    Returns how many messages this worker settled.
    """
    settled = 0
    while dispatch_id in due_dispatches():
        dispatch = Dispatch.objects.select_related("sender").get(pk=dispatch_id)
        result = send_chunk(dispatch, compose=COMPOSERS[dispatch.kind], limit=chunk)
        settled += result.settled
        if result.unavailable:
            break
        if result.throttled:
            time.sleep(WAIT_FOR_RATE_SECONDS)
    return settled


def _next(due: list[int], turns: dict[int, int], resting: dict[int, float]) -> Dispatch | None:
    """The most urgent dispatch that does not rest; among equals the one that had fewest turns."""
    awake = [one for one in due if resting.get(one, 0.0) <= time.monotonic()]
    found = Dispatch.objects.select_related("sender").filter(pk__in=awake)
    return min(
        found,
        key=lambda one: (-one.priority, one.kind == Dispatch.Kind.CAMPAIGN, turns.get(one.pk, 0), one.pk),
        default=None,
    )


def _keep_quiet(dispatch: Dispatch) -> None:
    """Let what is due in somebody's quiet hours wait: asked before each slice, whether or not beat lives."""
    for campaign in Campaign.objects.filter(dispatch=dispatch).exclude(quiet_from=None):
        keep_quiet(campaign)


def _send_one(dispatch: Dispatch, chunk: int) -> ChunkResult | None:
    """Send a chunk and say that this process lives; None if sending raised, which is logged."""
    heartbeats.beat(dispatch_id=dispatch.pk)
    try:
        result = send_chunk(dispatch, compose=COMPOSERS[dispatch.kind], limit=chunk)
    except (DatabaseError, InterfaceError):
        raise
    except Exception:
        logger.exception("dispatch %s cannot be sent; the others go on", dispatch.pk)
        return None
    heartbeats.beat(dispatch_id=dispatch.pk, settled=result.settled, waits_for=result.waits_for)
    return result
