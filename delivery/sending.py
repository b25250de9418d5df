"""One chunk through the post office: claim, compose, keep, hand over, settle. No network inside a transaction."""

import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from django.db import DatabaseError, InterfaceError

from delivery import breaker, domains, outbox, outcomes, pacing, tallies, warming
from delivery.answers import InDoubt
from delivery.backends import backend_of
from delivery.backends.base import Backend, Outgoing
from delivery.bouncing import heed_refusals
from delivery.breaker import Gate
from delivery.handing_over import RETRY_AFTER, HandedOver, Ready, ask_first, hand_over
from delivery.models import Dispatch, Message, Sender
from delivery.outbox import Claimed, Composed
from delivery.outcomes import Settlement

logger = logging.getLogger(__name__)

CHUNK = 500
GROUP = 100
"""How many mails are kept and handed over together: consent is asked again before each group."""

Compose = Callable[[Dispatch, Sequence[Claimed]], list[Composed]]
"""Writes the mails of claimed messages; may leave the last ones out when it takes long."""


@dataclass(slots=True)
class ChunkResult:
    """What became of a chunk.

    `throttled`: a rate allowed nothing just now, `waits_for` says which. `unavailable`: the provider took nothing; try
    later. `stopped`: somebody stopped it in between.
    """

    claimed: int = 0
    settled: int = 0
    throttled: bool = False
    waits_for: str = ""
    unavailable: bool = False
    stopped: bool = False
    states: dict[str, int] = field(default_factory=dict)
    groups: list[HandedOver] = field(default_factory=list)

    def add(self, handed_over: HandedOver) -> None:
        """Count what became of a group."""
        self.groups.append(handed_over)
        self.unavailable = self.unavailable or handed_over.leave_alone is not None
        for state, count in handed_over.states.items():
            self.states[state] = self.states.get(state, 0) + count
            self.settled += count if state in Message.TERMINAL else 0


def send_chunk(dispatch: Dispatch, *, compose: Compose, limit: int = CHUNK) -> ChunkResult:
    """Send up to `limit` messages of a dispatch; returns when they are settled or put back.

    A process killed at any point leaves its messages *in flight*; `outcomes.release_expired` finds them. A message that
    cannot be composed fails by itself; one whose composing raises is put back by itself. What an earlier attempt may
    have handed over is handed over again as it was, or asked about first. An unavailable backend costs no attempt; it
    is left alone for a while, and then tried with one message.
    """
    sender = dispatch.sender
    gate = breaker.enter(sender.pk, for_seconds=outbox.LEASE.total_seconds())
    if gate == Gate.SHUT:
        return ChunkResult(unavailable=True)
    left = warming.left_today(sender.pk)
    most = 1 if gate == Gate.ONE_TO_TRY else limit
    allowed, waits_for = pacing.allowance(dispatch, wanted=min(most, left) if left else most)
    if left == 0:
        waits_for = "its sender's next day"
    result = ChunkResult(throttled=not allowed, waits_for=waits_for)
    try:
        if allowed:
            _send(result, dispatch, compose, allowed=allowed, fresh=left != 0)
    except (DatabaseError, InterfaceError):
        raise
    except Exception as error:
        breaker.shut(sender.pk, reason=f"{type(error).__name__}: {error}", retry_after=None)
        raise
    _pace(result, sender, gate)
    tallies.count(sender.pk, result.states)
    return result


def _send(result: ChunkResult, dispatch: Dispatch, compose: Compose, *, allowed: int, fresh: bool) -> None:
    """Claim as many as allowed, and send them; without `fresh` only what may have been handed over before."""
    backend = backend_of(dispatch.sender)
    deadline = _half_a_lease()
    claimed = outbox.claim(dispatch.pk, limit=allowed, repeatable_for=_repeatable_for(backend), fresh=fresh)
    result.claimed = len(claimed)
    if dispatch.sender.backend != Sender.Backend.LOCAL:
        claimed = domains.within_pace(claimed)
    pacing.give_back_to(dispatch, count=allowed - len(claimed))
    unwritten = [one for one in claimed if one.raw is None]
    _send_again(result, backend, [one for one in claimed if one.raw is not None], deadline=deadline)
    if result.unavailable:
        outcomes.return_unsent(unwritten, delay=RETRY_AFTER, reason="the provider takes nothing")
        return
    composed = _composed(dispatch, unwritten, compose)
    _settle(result, [_unsent(one) for one in composed if one.mail is None])
    _send_written(result, dispatch, backend, [one for one in composed if one.mail is not None])


def _pace(result: ChunkResult, sender: Sender, gate: Gate) -> None:
    """Learn from the answers how fast to go on: the provider, and each domain that delays mails."""
    refusal = next((group for group in result.groups if group.leave_alone is not None), None)
    has_answered = any(group.taken or group.refused or group.delayed for group in result.groups)
    if refusal is not None:
        breaker.shut(sender.pk, reason=refusal.reason, retry_after=refusal.said)
    elif gate == Gate.ONE_TO_TRY and has_answered:
        breaker.open_again(sender.pk)
    elif gate == Gate.ONE_TO_TRY and result.groups:
        breaker.shut(sender.pk, reason="it does not answer", retry_after=None)
    elif gate == Gate.ONE_TO_TRY:
        breaker.give_up_trial(sender.pk)
    for group in result.groups:
        if sender.backend != Sender.Backend.LOCAL:
            heed_refusals(group.refused)
        if group.delayed and group.leave_alone is None:
            domains.note_delays(group.delayed, taken=group.taken)


def _half_a_lease() -> float:
    """The moment until which mails may be handed over under a lease that begins now."""
    return time.monotonic() + outbox.LEASE.total_seconds() / 2


def _repeatable_for(backend: Backend) -> timedelta | None:
    """For how long after its first hand-over a mail may be handed over again; None: for ever."""
    lifetimes = {InDoubt.REPEAT: backend.key_lifetime, InDoubt.LEAVE: timedelta()}
    return lifetimes.get(backend.in_doubt)


def _send_again(
    result: ChunkResult, backend: Backend, claimed: Sequence[Claimed], *, deadline: float
) -> None:
    """Hand over again, as it was, what may have arrived; where the provider can be asked, only what did not."""
    if claimed and backend.in_doubt == InDoubt.ASK:
        claimed, asked = ask_first(backend, claimed, deadline=deadline)
        result.add(asked)
    if claimed:
        result.add(hand_over(backend, [(one, _as_it_was(one)) for one in claimed], deadline=deadline))


def _send_written(
    result: ChunkResult, dispatch: Dispatch, backend: Backend, composed: Sequence[Composed]
) -> None:
    """Hand over what was just written, group by group, unless the provider takes nothing or somebody stops it."""
    for start in range(0, len(composed), GROUP):
        rest = [one.claimed for one in composed[start:]]
        if result.unavailable:
            outcomes.return_unsent(rest, delay=RETRY_AFTER, reason="the provider takes nothing")
            return
        if outbox.is_stopped(dispatch.pk):
            result.stopped = True
            outcomes.return_unsent(rest, delay=timedelta(), reason="it was stopped")
            return
        deadline = _half_a_lease()
        if ready := _kept(dispatch, backend, composed[start : start + GROUP]):
            result.add(hand_over(backend, ready, deadline=deadline))


def _composed(dispatch: Dispatch, claimed: Sequence[Claimed], compose: Compose) -> list[Composed]:
    """Compose; a message that makes composing raise is found by halving and put back alone."""
    if not claimed:
        return []
    try:
        composed = compose(dispatch, claimed)
    except Exception as error:
        if len(claimed) > 1:
            half = len(claimed) // 2
            halves = (claimed[:half], claimed[half:])
            return [one for part in halves for one in _composed(dispatch, part, compose)]
        logger.exception("message %s cannot be composed", claimed[0].id)
        outcomes.put_back(claimed, delay=RETRY_AFTER, reason=f"{type(error).__name__}: {error}")
        return []
    if left := claimed[len(composed) :]:
        outcomes.return_unsent(left, delay=timedelta(), reason="the mails before it took too long to write")
    return composed


def _kept(dispatch: Dispatch, backend: Backend, composed: Sequence[Composed]) -> Ready:
    """Keep the written mails that the sender's plan allows, and return those that are still this worker's."""
    written = [(one, one.mail) for one in composed if one.mail is not None]
    with warming.allotted(dispatch.sender_id, wanted=len(written)) as allotment:
        ours = outbox.keep(written[: allotment.count], may_repeat=backend.in_doubt != InDoubt.LEAVE)
        allotment.used = len(ours)
    left = [one.claimed for one, _ in written[allotment.count :]]
    outcomes.return_unsent(left, delay=timedelta(), reason="the sender's plan for today is used up")
    return [(one.claimed, mail) for one, mail in written if one.claimed.id in ours]


def _as_it_was(claimed: Claimed) -> Outgoing:
    assert claimed.raw
    return Outgoing(key=claimed.key, recipient=claimed.recipient, subject=claimed.subject, raw=claimed.raw)


def _settle(result: ChunkResult, settlements: Sequence[Settlement]) -> None:
    """Write outcomes and count them."""
    result.settled += outcomes.settle(settlements)
    for settlement in settlements:
        result.states[settlement.state.value] = result.states.get(settlement.state.value, 0) + 1


def _unsent(composed: Composed) -> Settlement:
    """Say why there is no mail."""
    state = Message.State.FAILED if composed.failed else Message.State.SKIPPED
    return Settlement(claimed=composed.claimed, state=state, reason=composed.failed or composed.skipped)
