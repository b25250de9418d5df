"""One chunk through the post office: claim, compose, keep, hand over, settle. No network inside a transaction."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from delivery import outbox, pacing
from delivery.backends import backend_of
from delivery.backends.base import Accepted, Backend, Outgoing, Refused, Unavailable
from delivery.models import Dispatch, Message
from delivery.outbox import Claimed, Composed, Settlement

logger = logging.getLogger(__name__)

CHUNK = 500
RETRY_AFTER = timedelta(seconds=30)

Compose = Callable[[Dispatch, Sequence[Claimed]], list[Composed]]
"""Writes the mails of claimed messages; may leave the last ones out when it takes long."""
Ready = list[tuple[Claimed, Outgoing]]


@dataclass(slots=True)
class ChunkResult:
    """What became of a chunk.

    `throttled`: the sender's rate allowed nothing just now. `unavailable`: the provider took nothing; try later.
    """

    claimed: int = 0
    settled: int = 0
    throttled: bool = False
    unavailable: bool = False
    states: dict[str, int] = field(default_factory=dict)


def send_chunk(dispatch: Dispatch, *, compose: Compose, limit: int = CHUNK) -> ChunkResult:
    """Send up to `limit` messages of a dispatch; returns when they are settled or put back.

    A process killed at any point leaves its messages *in flight*; `outbox.release_expired` finds them. A message that
    cannot be composed fails by itself; one whose composing raises is put back by itself. What an earlier attempt may
    have handed over is handed over again as it was. An unavailable backend costs no attempt.
    """
    sender = dispatch.sender
    allowed = pacing.take(sender.pk, rate_per_second=sender.rate_per_second, wanted=limit)
    if not allowed:
        return ChunkResult(throttled=True)
    claimed = outbox.claim(dispatch.pk, limit=allowed)
    pacing.give_back(sender.pk, count=allowed - len(claimed))
    result = ChunkResult(claimed=len(claimed))
    composed = _composed(dispatch, [one for one in claimed if one.raw is None], compose)
    _settle(result, [_unsent(one) for one in composed if one.mail is None])
    ready = _kept(composed) + [(one, _as_it_was(one)) for one in claimed if one.raw is not None]
    answers = _hand_over(backend_of(sender), ready)
    if answers is None:
        result.unavailable = True
    else:
        _settle(result, [_settlement(one, answer) for (one, _), answer in zip(ready, answers, strict=True)])
    return result


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
        outbox.put_back(claimed, delay=RETRY_AFTER, reason=f"{type(error).__name__}: {error}")
        return []
    if left := claimed[len(composed) :]:
        outbox.return_unsent(left, delay=timedelta(), reason="the mails before it took too long to write")
    return composed


def _kept(composed: Sequence[Composed]) -> Ready:
    """Keep the written mails and return those that are still this worker's to hand over."""
    written = [(one, one.mail) for one in composed if one.mail is not None]
    ours = outbox.keep(written)
    return [(one.claimed, mail) for one, mail in written if one.claimed.id in ours]


def _as_it_was(claimed: Claimed) -> Outgoing:
    assert claimed.raw is not None
    return Outgoing(key=claimed.key, recipient=claimed.recipient, subject=claimed.subject, raw=claimed.raw)


def _hand_over(backend: Backend, ready: Ready) -> list[Accepted | Refused] | None:
    """Hand over; one answer a mail in order, or None where nothing was taken. Raises what nobody foresaw."""
    if not ready:
        return []
    claimed = [one for one, _ in ready]
    try:
        return backend.send([mail for _, mail in ready])
    except Unavailable as error:
        logger.warning("%s is unavailable, %s messages put back", type(backend).__name__, len(ready))
        outbox.return_unsent(claimed, delay=RETRY_AFTER, reason=str(error))
        return None
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        outbox.put_back(claimed, delay=RETRY_AFTER, reason=reason, honours_key=backend.honours_key)
        raise


def _settle(result: ChunkResult, settlements: Sequence[Settlement]) -> None:
    """Write outcomes and count them."""
    result.settled += outbox.settle(settlements)
    for settlement in settlements:
        result.states[settlement.state.value] = result.states.get(settlement.state.value, 0) + 1


def _unsent(composed: Composed) -> Settlement:
    """Say why there is no mail."""
    state = Message.State.FAILED if composed.failed else Message.State.SKIPPED
    return Settlement(claimed=composed.claimed, state=state, reason=composed.failed or composed.skipped)


def _settlement(claimed: Claimed, answer: Accepted | Refused) -> Settlement:
    """Name the state that a mail has reached with the provider's answer."""
    if isinstance(answer, Accepted):
        return Settlement(claimed=claimed, state=Message.State.SENT, provider_id=answer.provider_id)
    return Settlement(claimed=claimed, state=Message.State.FAILED, reason=answer.reason)
