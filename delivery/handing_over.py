"""Handing mails over and filing the answers: each as it comes, kept in memory until the database has it."""

import logging
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import TypeVar

from django.db import InterfaceError, OperationalError, connection

from delivery import outbox, outcomes, webhooks
from delivery.answers import Accepted, Answer, Deferred, InDoubt, Refused, Unavailable, Uncertain, Untried
from delivery.backends.base import Backend, Outgoing
from delivery.models import Message
from delivery.outbox import Claimed
from delivery.outcomes import Settlement

logger = logging.getLogger(__name__)

RETRY_AFTER = timedelta(seconds=30)
FILED_TOGETHER = 50
"""How many answers are written in one statement: so many a crash of the worker leaves in doubt at most."""
Ready = Sequence[tuple[Claimed, Outgoing]]
Answered = list[tuple[Claimed, Answer]]
T = TypeVar("T")


@dataclass(slots=True)
class HandedOver:
    """What became of a group: how many reached which state, which addresses got which answer, and how long to wait.

    `leave_alone`: for how long the provider takes nothing, `said`: whether it says so itself, `reason`: its words.
    """

    states: Counter[str] = field(default_factory=Counter)
    taken: list[str] = field(default_factory=list)
    refused: list[tuple[Claimed, str]] = field(default_factory=list)
    delayed: list[str] = field(default_factory=list)
    leave_alone: timedelta | None = None
    said: timedelta | None = None
    reason: str = ""

    def leave(self, error: Unavailable) -> None:
        """Note that the provider takes nothing just now."""
        self.leave_alone, self.said, self.reason = (
            error.retry_after or RETRY_AFTER,
            error.retry_after,
            str(error),
        )


def hand_over(backend: Backend, ready: Ready, *, deadline: float) -> HandedOver:
    """Hand mails over and file each answer; none is handed over after `deadline` (of `time.monotonic()`).

    Raises what nobody foresaw, after filing it: what has no answer then counts as uncertain.
    """
    result, answered = HandedOver(), Answered()
    waiting = {mail.key: claimed for claimed, mail in ready}
    silence: Answer = Uncertain(reason="the provider did not answer")
    try:
        for mail, answer in backend.send([mail for _, mail in ready], deadline=deadline):
            answered.append((waiting.pop(mail.key), answer))
            if len(answered) >= FILED_TOGETHER:
                _file(result, answered, in_doubt=backend.in_doubt, deadline=deadline)
                answered = []
    except Unavailable as error:
        logger.warning("the provider takes nothing: %s", error)
        result.leave(error)
        silence = Untried(reason=str(error))
    except Exception as error:
        silence = Uncertain(reason=f"{type(error).__name__}: {error}")
        raise
    finally:
        answered += [(claimed, silence) for claimed in waiting.values()]
        _file(result, answered, in_doubt=backend.in_doubt, deadline=deadline)
    return result


def ask_first(
    backend: Backend, claimed: Sequence[Claimed], *, deadline: float
) -> tuple[list[Claimed], HandedOver]:
    """Ask about mails that may have arrived; settle those that did and return those that did not, to be handed over.

    Asking may take half of the time that is left: the other half is for handing over. What there was no time to ask
    about is put back and asked about later; all of them are when the provider cannot say.
    """
    result = HandedOver()
    begun = time.monotonic()
    try:
        known = backend.ask([one.key for one in claimed], deadline=begun + (deadline - begun) / 2)
    except Unavailable as error:
        result.leave(error)
        unasked: Answered = [(one, Untried(reason=str(error))) for one in claimed]
        _file(result, unasked, in_doubt=backend.in_doubt, deadline=deadline)
        return [], result
    said: Answered = [(one, Accepted(provider_id=known[one.key])) for one in claimed if known.get(one.key)]
    said += [(one, Untried(reason="it is asked about later")) for one in claimed if one.key not in known]
    _file(result, said, in_doubt=backend.in_doubt, deadline=deadline)
    return [one for one in claimed if known.get(one.key) == ""], result


def lasting(write: Callable[[], T], *, until: float) -> T:
    """Write to the database, again after each loss of the connection, until a moment of `time.monotonic()`.

    Whatever is written must be fenced: the lost connection may have carried it out. Raises the last error.
    """
    pause = 0.1
    while True:
        try:
            return write()
        except (OperationalError, InterfaceError):
            if connection.in_atomic_block or time.monotonic() + pause > until:
                raise
            logger.warning("the database is away; an answer waits to be filed", exc_info=True)
            connection.close()
            time.sleep(pause)
            pause = min(2 * pause, 5.0)


def _file(result: HandedOver, answered: Answered, *, in_doubt: InDoubt, deadline: float) -> None:
    """Write answers down. `deadline` is half a lease after it began: the other half is for a database that is away."""
    until = deadline + outbox.LEASE.total_seconds() / 2
    _tell_apart(result, answered)
    settlements = [
        _settlement(one, answer) for one, answer in answered if isinstance(answer, Accepted | Refused)
    ]
    lasting(lambda: outcomes.settle(settlements), until=until)
    result.states.update(one.state.value for one in settlements)
    answered = _without_given_up(result, answered, until=until)
    for (was_tried, delay, reason), group in _by_fate(answered, result, in_doubt).items():
        if was_tried:
            put_back = partial(outcomes.put_back, group, may_repeat=in_doubt != InDoubt.LEAVE)
            result.states.update(lasting(partial(put_back, delay=delay, reason=reason), until=until))
        else:
            lasting(partial(outcomes.return_unsent, group, delay=delay, reason=reason), until=until)
    _link_reports(settlements)


def _link_reports(settlements: Sequence[Settlement]) -> None:
    """Look again at reports that came before the provider's ids were filed; a lost chance is beat's."""
    try:
        webhooks.link_filed([one.provider_id for one in settlements])
    except (OperationalError, InterfaceError):
        if connection.in_atomic_block:
            raise
        logger.warning("reports that waited are linked later", exc_info=True)
        connection.close()
    except Exception:  # whatever somebody reports, mail goes on
        logger.exception("reports that waited could not be linked")


def _without_given_up(result: HandedOver, answered: Answered, *, until: float) -> Answered:
    """Fail what was put off for too long for its own sake, and return the other answers."""
    put_off: dict[str, list[Claimed]] = defaultdict(list)
    for one, answer in answered:
        if isinstance(answer, Deferred) and answer.is_about_mail:
            put_off[answer.reason].append(one)
    given_up: set[int] = set()
    for reason, group in put_off.items():
        given_up |= lasting(partial(outcomes.give_up, group, reason=reason), until=until)
    result.states.update([Message.State.FAILED.value] * len(given_up))
    return [(one, answer) for one, answer in answered if one.id not in given_up]


def _tell_apart(result: HandedOver, answered: Answered) -> None:
    """Note who said what, for the pace of the provider and of the domains."""
    result.taken += [one.recipient for one, answer in answered if isinstance(answer, Accepted)]
    result.refused += [(one, answer.reason) for one, answer in answered if isinstance(answer, Refused)]
    result.delayed += [one.recipient for one, answer in answered if isinstance(answer, Deferred)]


def _by_fate(
    answered: Answered, result: HandedOver, in_doubt: InDoubt
) -> dict[tuple[bool, timedelta, str], list[Claimed]]:
    """Group what has no final answer: whether it was tried, when it is due again, and why."""
    fates: dict[tuple[bool, timedelta, str], list[Claimed]] = defaultdict(list)
    for one, answer in answered:
        if isinstance(answer, Deferred):
            fates[False, answer.retry_after or RETRY_AFTER, answer.reason].append(one)
        elif isinstance(answer, Untried):
            fates[False, result.leave_alone or timedelta(), answer.reason].append(one)
        elif isinstance(answer, Uncertain):
            delay = outcomes.ASK_AFTER if in_doubt == InDoubt.ASK else RETRY_AFTER
            fates[True, delay, answer.reason].append(one)
    return fates


def _settlement(claimed: Claimed, answer: Accepted | Refused) -> Settlement:
    """Name the state that a mail has reached with the provider's answer."""
    if isinstance(answer, Accepted):
        return Settlement(claimed=claimed, state=Message.State.SENT, provider_id=answer.provider_id[:200])
    return Settlement(claimed=claimed, state=Message.State.FAILED, reason=answer.reason)
