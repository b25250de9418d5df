"""Handing a batch over by several connections at once, and knowing when to stop."""

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from queue import SimpleQueue

from delivery.answers import Answer, Unavailable, Uncertain, Untried
from delivery.backends.base import Outgoing

logger = logging.getLogger(__name__)

MOST_SILENCE = 5
"""After so many lost answers in a row nothing more is risked."""
Answered = tuple[Outgoing, Answer]


@dataclass(slots=True)
class Halt:
    """Whether the provider is to be left alone, why, and for how long; shared by the connections of one batch."""

    reason: str = ""
    retry_after: timedelta | None = None
    silent: int = 0

    def begin(self, reason: str, retry_after: timedelta | None = None) -> None:
        """Stop handing over; the first reason stays."""
        self.reason, self.retry_after = self.reason or reason, self.retry_after or retry_after

    def note(self, answer: Answer) -> None:
        """Count lost answers in a row."""
        self.silent = self.silent + 1 if isinstance(answer, Uncertain) else 0
        if self.silent >= MOST_SILENCE:
            self.begin("the provider does not answer")


@dataclass(slots=True)
class Mails:
    """The mails of a batch, given to whichever connection asks next; none any more once halted."""

    waiting: list[Outgoing]
    halt: Halt
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __iter__(self) -> Iterator[Outgoing]:
        return self

    def __next__(self) -> Outgoing:
        with self.lock:
            if self.halt.reason or not self.waiting:
                raise StopIteration
            return self.waiting.pop()


Worker = Callable[[Mails, Halt], Iterator[Answered]]
"""Takes mails until there are none and yields an answer to each that it took, or none and halts."""


def answered_by(
    hand_over: Callable[[Outgoing, Halt], Answer | None], mail: Outgoing, halt: Halt
) -> Answer | None:
    """Hand one mail over. What nobody foresaw leaves doubt about this mail, and ends the batch."""
    try:
        return hand_over(mail, halt)
    except Exception as error:
        logger.exception("handing over %s failed", mail.key)
        halt.begin(f"{type(error).__name__}: {error}"[:200])
        return Uncertain(reason=f"{type(error).__name__}: {error}"[:200])


def side_by_side(batch: Sequence[Outgoing], worker: Worker, *, connections: int) -> Iterator[Answered]:
    """Yield the answers of all workers as they come; raises Unavailable after them if it came to a halt.

    Raises what a worker raises, after answering for the mails that none took.
    """
    halt = Halt()
    mails = Mails(waiting=list(reversed(batch)), halt=halt)
    count = min(connections, len(batch))
    try:
        yield from worker(mails, halt) if count <= 1 else _of_threads(mails, halt, worker, count)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        yield from ((mail, Untried(reason=reason)) for mail in reversed(mails.waiting))
        raise
    if halt.reason:
        raise Unavailable(halt.reason, retry_after=halt.retry_after)


def _of_threads(mails: Mails, halt: Halt, worker: Worker, count: int) -> Iterator[Answered]:
    """Run the workers in threads. What one raises is raised here when all have ended."""
    answers: SimpleQueue[Answered | Exception | None] = SimpleQueue()
    threads = [threading.Thread(target=_work, args=(mails, halt, worker, answers)) for _ in range(count)]
    for thread in threads:
        thread.start()
    failed: Exception | None = None
    try:
        while count:
            found = answers.get()
            if isinstance(found, tuple):
                yield found
            else:
                count, failed = count - 1, failed or found
    finally:
        if count:
            halt.begin("the answers are not wanted any more")
        for thread in threads:
            thread.join()
    if failed is not None:
        raise failed


def _work(
    mails: Mails, halt: Halt, worker: Worker, answers: "SimpleQueue[Answered | Exception | None]"
) -> None:
    try:
        for answered in worker(mails, halt):
            answers.put(answered)
    except Exception as error:
        halt.begin(f"{type(error).__name__}: {error}")
        answers.put(error)
    else:
        answers.put(None)
