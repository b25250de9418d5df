"""One mail after the other over one SMTP session.

With PIPELINING (RFC 2920) the envelope of a mail is one packet, and that of the next follows the content of the one
before without waiting, so that a mail costs one round trip and not four.
"""

import re
import smtplib
from dataclasses import dataclass, field

from delivery.answers import Answer, Refused
from delivery.backends.base import Outgoing
from delivery.backends.smtp.replies import Reply, Stage

_NOT_IN_A_PATH = re.compile(r"[\x00-\x20<>\x7f]")
_BARE = re.compile(rb"\r\n|\r|\n")
_RESET = "RSET\r\n"
_STEPS = (Stage.SENDER, Stage.RECIPIENT, Stage.DATA)


@dataclass(slots=True)
class Conversation:
    """A session that has said hello. `served`: how many mails it has spoken about.

    Anything that smtplib raises here means that the session is lost. Until `write_content` was called the server has
    no mail.
    """

    smtp: smtplib.SMTP
    envelope_from: str
    served: int = 0
    needs_reset: bool = False
    _commands: list[str] = field(default_factory=list)
    _sent: int = 0

    def close(self) -> None:
        """Hang up."""
        self.smtp.close()

    def unfit(self, mail: Outgoing) -> Answer | None:
        """Say why this server cannot take a mail at all, or None."""
        if _NOT_IN_A_PATH.search(mail.recipient) or "@" not in mail.recipient:
            return Refused(reason="the address cannot be written in SMTP")
        if not mail.recipient.isascii() and not self.smtp.has_extn("smtputf8"):
            return Refused(reason="the server takes no addresses outside of ASCII")
        most = self.smtp.esmtp_features.get("size", "")
        if most.isdecimal() and 0 < int(most) < len(mail.raw):
            return Refused(reason=f"the mail is larger than the {most} bytes that the server takes")
        return None

    def write_envelope(self, mail: Outgoing) -> None:
        """Begin a mail: as far as one may without waiting for replies."""
        options = f" SIZE={len(mail.raw)}" if self.smtp.has_extn("size") else ""
        if not mail.recipient.isascii():
            options += " SMTPUTF8 BODY=8BITMIME"
        self._commands = [
            f"MAIL FROM:<{self.envelope_from}>{options}\r\n",
            f"RCPT TO:<{mail.recipient}>\r\n",
            "DATA\r\n",
        ]
        if self.needs_reset:
            self._commands.insert(0, _RESET)
        self._sent = len(self._commands) if self.smtp.has_extn("pipelining") else 1
        self.smtp.send("".join(self._commands[: self._sent]).encode())

    def read_envelope(self) -> tuple[Stage, Reply] | None:
        """Read the replies to `write_envelope`; None where the content may follow, else the first no and its stage."""
        said: list[Reply] = []
        for position, command in enumerate(self._commands):
            if position >= self._sent:
                if not said[-1].is_yes:
                    break
                self.smtp.send(command.encode())
            said.append(self._reply())
            if command == _RESET and not said[-1].is_yes:
                raise smtplib.SMTPServerDisconnected(f"the session cannot be used again: {said[-1].text}")
            if said[-1].is_goodbye:
                break
        self.served += 1
        steps = list(zip(_STEPS, said[len(self._commands) - len(_STEPS) :], strict=False))
        refused = next(((stage, reply) for stage, reply in steps if not reply.is_yes), None)
        self.needs_reset = refused is not None
        if refused and steps[-1][0] == Stage.DATA and steps[-1][1].is_yes:
            self.smtp.send(b".\r\n")  # the server waits for a mail that has nobody to go to
            self._reply()
        return refused

    def write_content(self, mail: Outgoing) -> None:
        """Hand the mail itself over. From here on the server may have it."""
        self.smtp.send(_stuffed(mail.raw))

    def read_outcome(self) -> Reply:
        """What the server says of the whole mail."""
        return self._reply()

    def _reply(self) -> Reply:
        return Reply.of(self.smtp.getreply())


def _stuffed(raw: bytes) -> bytes:
    """Write a mail as DATA wants it: every line ends with CRLF, a leading point is doubled, a lone one ends it.

    Bare line breaks are made whole: servers disagree about them, which has smuggled second mails past the first.
    """
    if not raw.count(b"\r\n") == raw.count(b"\r") == raw.count(b"\n"):
        raw = _BARE.sub(b"\r\n", raw)
    whole = raw if raw.endswith(b"\r\n") else raw + b"\r\n"
    stuffed = whole.replace(b"\r\n.", b"\r\n..")
    return (b"." if stuffed.startswith(b".") else b"") + stuffed + b".\r\n"
