"""What every way out has in common."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from delivery.answers import Answer, InDoubt


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A finished mail. `key` is the same on every attempt to send it."""

    key: str
    recipient: str
    subject: str
    raw: bytes


class Backend(Protocol):
    """Hands finished mails over."""

    @property
    def in_doubt(self) -> InDoubt:
        """What may be done with a mail whose answer was lost."""
        ...

    @property
    def key_lifetime(self) -> timedelta | None:
        """For how long a key is kept once, from its first use; None: for ever. Asked where `in_doubt` is REPEAT."""
        ...

    def send(self, batch: Sequence[Outgoing], *, deadline: float) -> Iterable[tuple[Outgoing, Answer]]:
        """Hand a batch over and yield the answers as they come, in any order.

        `deadline` is a moment of `time.monotonic()` after which nothing may be handed over. A mail without an answer
        counts as not handed over after Unavailable, and as uncertain otherwise.
        """
        ...

    def ask(self, keys: Sequence[str], *, deadline: float) -> Mapping[str, str]:
        """Return the provider's id of each key that it was asked about, "" where it has no such mail.

        A key that is missing was not asked about: no question begins that might last beyond `deadline`. Needed where
        `in_doubt` is ASK. Raises Unavailable.
        """
        ...
