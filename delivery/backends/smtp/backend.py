"""Hands mail to an SMTP server: sessions stay open, and every mail has its own answer."""

import smtplib
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial

from delivery.answers import Accepted, Answer, InDoubt, Unavailable, Uncertain, Untried
from delivery.backends.base import Outgoing
from delivery.backends.kept import Kept
from delivery.backends.side_by_side import Answered, Halt, Mails, side_by_side
from delivery.backends.smtp.connection import PATIENCE_SECONDS, Server
from delivery.backends.smtp.conversation import Conversation
from delivery.backends.smtp.replies import Reply, Stage

MOST_POLICY = 10
"""After so many mails in a row that the server's policy refused it is about us, not about them."""
_LOST = (smtplib.SMTPException, OSError)
_NO_TIME = Untried(reason="there was no time left to hand it over")


@dataclass(frozen=True, slots=True, kw_only=True)
class SmtpBackend:
    """A server that takes mail by SMTP. It keeps no keys and cannot be asked."""

    server: Server
    envelope_from: str
    connections: int = 1
    in_doubt = InDoubt.LEAVE
    key_lifetime = None

    def send(self, batch: Sequence[Outgoing], *, deadline: float) -> Iterator[tuple[Outgoing, Answer]]:
        """Yield the answers as they come; raises Unavailable after them if the server is to be left alone."""
        worker = partial(_hand_over_all, _kept(self.server, self.envelope_from), deadline)
        return side_by_side(batch, worker, connections=self.connections)

    def ask(self, keys: Sequence[str], *, deadline: float) -> Mapping[str, str]:
        """SMTP has no such question."""
        raise Unavailable("an SMTP server cannot be asked")


@lru_cache(maxsize=64)
def _kept(server: Server, envelope_from: str) -> Kept[Conversation]:
    """The sessions of this process."""
    return Kept(lambda: Conversation(smtp=server.open(), envelope_from=envelope_from))


class _Reopen(Exception):
    """The session is over, through no fault of the mail that is next."""


def _hand_over_all(kept: Kept[Conversation], deadline: float, mails: Mails, halt: Halt) -> Iterator[Answered]:
    """Hand over mails until there are none, by one session after the other."""
    run = _Run(mails=mails, halt=halt, deadline=deadline)
    while run.advance():
        try:
            with kept.one() as session:
                yield from run.by(session)
        except _Reopen:
            continue
        except Unavailable as error:
            halt.begin(str(error), error.retry_after)
    yield from run.left()


@dataclass(slots=True)
class _Run:
    """The mails of one worker: `next` is the one at hand, which the server does not have yet."""

    mails: Mails
    halt: Halt
    deadline: float
    next: Outgoing | None = None
    policy: int = 0

    def advance(self) -> bool:
        """Take a mail if there is none at hand; False when nothing is left to do."""
        if self.next is None:
            self.next = next(self.mails, None)
        return self.next is not None and not self.halt.reason

    def left(self) -> Iterator[Answered]:
        """The mail that was taken and not handed over."""
        if self.next is not None:
            yield self.next, Untried(reason=self.halt.reason)

    def by(self, session: Conversation) -> Iterator[Answered]:
        """Hand over by one session until it ends (raises _Reopen) or there is nothing left."""
        is_begun = False
        while self.advance():
            mail = self.next
            assert mail is not None
            if not is_begun and (answer := self._unsendable(session, mail)) is not None:
                self.next = None
                yield mail, answer
                continue
            refused = self._envelope(session, mail, is_begun=is_begun)
            self.next, is_begun = None, False
            if refused is not None:
                yield mail, self._refusal(session, *refused)
                continue
            if time.monotonic() >= self.deadline:
                session.close()  # there is no other way out of DATA
                yield mail, _NO_TIME
                raise _Reopen
            answer, is_begun = self._content(session, mail)
            self.halt.note(answer)
            yield mail, answer
        if is_begun:  # came to a halt meanwhile
            raise _Reopen

    def _unsendable(self, session: Conversation, mail: Outgoing) -> Answer | None:
        if time.monotonic() + PATIENCE_SECONDS > self.deadline:
            return _NO_TIME
        return session.unfit(mail)

    def _envelope(
        self, session: Conversation, mail: Outgoing, *, is_begun: bool
    ) -> tuple[Stage, Reply] | None:
        """Begin a mail. A session that was used before may have died since: the mail is begun on another."""
        try:
            if not is_begun:
                session.write_envelope(mail)
            refused = session.read_envelope()
        except _LOST as error:
            if session.served:
                raise _Reopen from error
            raise Unavailable(f"the server hung up: {error}") from error
        if refused is not None and refused[1].is_goodbye and session.served > 1:
            raise _Reopen
        return refused

    def _refusal(self, session: Conversation, stage: Stage, reply: Reply) -> Answer:
        """The answer to a mail whose envelope was refused; stops where the next one would be refused alike."""
        answer = reply.answer()
        self.policy = self.policy + 1 if reply.is_policy else 0
        if reply.is_about_us(stage):
            self.halt.begin(f"the server takes nothing: {answer.reason}")
            return Untried(reason=answer.reason)
        if self.policy >= MOST_POLICY:
            self.halt.begin(f"the server's policy refuses everything: {answer.reason}")
        return answer

    def _content(self, session: Conversation, mail: Outgoing) -> tuple[Answer, bool]:
        """Hand over the content, begin the next mail meanwhile, and read the answer; says whether the next is begun."""
        try:
            session.write_content(mail)
            is_begun = self._begin_next(session)
            reply = session.read_outcome()
        except _LOST as error:
            return Uncertain(reason=f"the connection was lost: {error}"), False
        if reply.is_goodbye:
            session.close()
            is_begun = False
        if 200 <= reply.code < 300:
            return Accepted(provider_id=reply.provider_id() or mail.key), is_begun
        if 400 <= reply.code < 600:
            return reply.answer(), is_begun
        return Uncertain(reason=f"the server answered {reply.code} {reply.text}"), is_begun

    def _begin_next(self, session: Conversation) -> bool:
        if not self.advance() or not session.smtp.has_extn("pipelining"):
            return False
        assert self.next is not None
        if self._unsendable(session, self.next) is not None:
            return False
        session.write_envelope(self.next)
        return True
