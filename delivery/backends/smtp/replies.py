"""What the replies of an SMTP server say about a mail (RFC 5321, enhanced codes of RFC 3463)."""

import re
from dataclasses import dataclass
from enum import StrEnum

from delivery.answers import Deferred, Refused

_ENHANCED = re.compile(r"[245]\.(\d{1,3})\.(\d{1,3})\b")
_QUEUED_AS = re.compile(r"(?:queued as |\bid[=:] ?|^Ok (?=\S{20}))<?([^\s<>]{1,150})", re.IGNORECASE)
_SIGN_IN = frozenset({530, 534, 535, 538})
_TOO_LARGE = frozenset({("2", "3"), ("3", "4")})


class Stage(StrEnum):
    """Which step of a mail was answered."""

    SENDER = "MAIL"
    RECIPIENT = "RCPT"
    DATA = "DATA"
    CONTENT = "the mail"


@dataclass(frozen=True, slots=True)
class Reply:
    """A code and its text, lines joined by spaces."""

    code: int
    text: str

    @classmethod
    def of(cls, found: tuple[int, bytes]) -> "Reply":
        """Take what smtplib read."""
        words = " ".join(found[1].decode(errors="replace").replace("\0", "").split())
        return cls(found[0], words[:400])

    @property
    def is_yes(self) -> bool:
        """Whether the step succeeded; DATA succeeds with 354."""
        return 200 <= self.code < 400

    @property
    def _enhanced(self) -> tuple[str, str]:
        match = _ENHANCED.match(self.text)
        return (match[1], match[2]) if match else ("", "")

    @property
    def is_goodbye(self) -> bool:
        """Whether the server closes the connection with it."""
        return self.code == 421

    @property
    def is_policy(self) -> bool:
        """Whether it was refused for what the server thinks of us (5.7.x), which it may think of every mail."""
        return self.code >= 500 and self._enhanced[0] == "7"

    def is_about_us(self, stage: Stage) -> bool:
        """Whether the server would say the same to every mail: sign in first, or this sender may not, or not now."""
        if self.code in _SIGN_IN or self.is_goodbye or not 200 <= self.code < 600:
            return True
        return stage == Stage.SENDER and self._enhanced not in _TOO_LARGE and self.code != 552

    def answer(self) -> Refused | Deferred:
        """What a reply that is no yes means for the mail."""
        reason = f"{self.code} {self.text}"[:200]
        if 500 <= self.code < 600:
            return Refused(reason=reason)
        return Deferred(reason=reason, is_about_mail=True)

    def provider_id(self) -> str:
        """The name under which the server queued the mail, if it says so."""
        match = _QUEUED_AS.search(self.text)
        return match[1] if match else ""
