"""What every way out has in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A finished mail. `key` is the same on every attempt to send it."""

    key: str
    recipient: str
    subject: str
    raw: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The provider has taken the mail and knows it by `provider_id`."""

    provider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The provider will not take this mail; trying again would not help."""

    reason: str


class Unavailable(Exception):
    """Nothing of the batch was taken, and a later attempt may succeed."""


class Backend(Protocol):
    """Hands finished mails over."""

    honours_key: bool
    """Whether a mail handed over twice with the same key is delivered once."""

    def send(self, batch: Sequence[Outgoing]) -> list[Accepted | Refused]:
        """Hand a batch over and return one answer a mail, in order. Raises Unavailable."""
        ...
