"""One chunk through the post office: claim, compose, hand over, settle. No network inside a transaction."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from delivery import outbox, pacing
from delivery.backends import backend_of
from delivery.backends.base import Accepted, Outgoing, Unavailable
from delivery.models import Dispatch, Message
from delivery.outbox import Claimed, Settlement

logger = logging.getLogger(__name__)

CHUNK = 500
RETRY_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """What composing made of a claimed message: a mail, or the reason why there is none.

    `resolved` and `links` are JSON texts of the values and addresses that went into the mail.
    """

    claimed: Claimed
    mail: Outgoing | None = None
    skipped: str = ""
    failed: str = ""
    content_sha256: str = ""
    resolved: str | None = None
    links: str | None = None
    fallbacks: int = 0


Compose = Callable[[Dispatch, Sequence[Claimed]], list[Composed]]


@dataclass(slots=True)
class ChunkResult:
    """What became of a chunk. `throttled`: the sender's rate allowed nothing just now."""

    claimed: int = 0
    settled: int = 0
    throttled: bool = False
    states: dict[str, int] = field(default_factory=dict)


def send_chunk(dispatch: Dispatch, *, compose: Compose, limit: int = CHUNK) -> ChunkResult:
    """Send up to `limit` messages of a dispatch; returns when they are settled or put back.

    A process killed at any point leaves its messages *in flight*; `outbox.release_expired` finds them. A message that
    cannot be composed fails by itself; a backend that is unavailable puts the whole chunk back.
    """
    sender = dispatch.sender
    allowed = pacing.take(sender.pk, rate_per_second=sender.rate_per_second, wanted=limit)
    if not allowed:
        return ChunkResult(throttled=True)
    claimed = outbox.claim(dispatch.pk, limit=allowed)
    pacing.give_back(sender.pk, count=allowed - len(claimed))
    result = ChunkResult(claimed=len(claimed))
    if not claimed:
        return result
    try:
        composed = compose(dispatch, claimed)
        answers = _hand_over(dispatch, composed)
    except Unavailable as error:
        logger.warning("dispatch %s: sender unavailable, %s put back", dispatch.pk, len(claimed))
        outbox.put_back(claimed, delay=RETRY_AFTER, reason=str(error))
        return result
    except Exception as error:
        outbox.put_back(claimed, delay=RETRY_AFTER, reason=f"{type(error).__name__}: {error}")
        raise
    settlements = [_settlement(one, answers.get(one.claimed.id)) for one in composed]
    result.settled = outbox.settle(settlements)
    for settlement in settlements:
        result.states[settlement.state.value] = result.states.get(settlement.state.value, 0) + 1
    return result


def _hand_over(dispatch: Dispatch, composed: Sequence[Composed]) -> dict[int, object]:
    ready = [(one.claimed.id, one.mail) for one in composed if one.mail is not None]
    if not ready:
        return {}
    answers = backend_of(dispatch.sender).send([mail for _, mail in ready])
    return {message_id: answer for (message_id, _), answer in zip(ready, answers, strict=True)}


def _settlement(composed: Composed, answer: object) -> Settlement:
    """Name the one state that a composed message has reached."""
    if composed.mail is None:
        state = Message.State.FAILED if composed.failed else Message.State.SKIPPED
        return Settlement(claimed=composed.claimed, state=state, reason=composed.failed or composed.skipped)
    is_sent = isinstance(answer, Accepted)
    return Settlement(
        claimed=composed.claimed,
        state=Message.State.SENT if is_sent else Message.State.FAILED,
        reason="" if is_sent else getattr(answer, "reason", "the provider gave no answer"),
        provider_id=answer.provider_id if isinstance(answer, Accepted) else "",
        subject=composed.mail.subject,
        content_sha256=composed.content_sha256,
        resolved=composed.resolved,
        links=composed.links,
        fallbacks=composed.fallbacks,
    )
