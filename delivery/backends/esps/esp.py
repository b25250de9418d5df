"""What one provider differs in from the others. Each has a file of its own that says no more than that."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from django.core.mail import EmailMultiAlternatives

from delivery.answers import Answer, InDoubt
from delivery.backends.fields import Address, Field
from delivery.backends.side_by_side import Halt

METADATA_KEY = "regards"
"""Under this name our key goes with each mail, and comes back with what the provider reports."""


class Connection(Protocol):
    """An open Anymail backend. `session` is the one of requests; Amazon SES has none."""

    session: Any
    api_url: str

    def open(self) -> bool | None:
        """Connect."""

    def close(self) -> None:
        """Hang up."""

    def send_messages(self, messages: list[EmailMultiAlternatives]) -> int:
        """Hand mails over; each gets an `anymail_status`."""


def _unmarked(mail: EmailMultiAlternatives, key: str) -> None:
    """The provider has no place for a key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Esp:
    """A provider that Anymail knows. `name` is that of Anymail's module and of `Sender.backend`.

    - `takes_metadata`: whether our key goes with the mail as metadata, and comes back with reports.
    - `mark` puts our key elsewhere into the mail; `key_header` is the header of the request that takes it instead.
    - `judge` reads the provider's own words where the status alone misleads; None: the status says it.
    - `not_sent` are errors of its library that come before anything was handed over.
    - `ask` returns the provider's id for a key, or "" if it has no such mail; needed where `in_doubt` is ASK.
    - `kwargs` turns the options that were filled in into those of Anymail.
    - `spf_include` and `dkim_selectors` are what the domain checks look for.
    """

    name: str
    fields: tuple[Field, ...]
    address: Address | None = None
    in_doubt: InDoubt = InDoubt.LEAVE
    key_lifetime: timedelta | None = None
    takes_metadata: bool = True
    key_header: str = ""
    mark: Callable[[EmailMultiAlternatives, str], None] = _unmarked
    judge: Callable[[Any, Halt], Answer | None] | None = None
    not_sent: tuple[type[Exception], ...] = ()
    ask: Callable[[Connection, str], str] | None = None
    kwargs: Callable[[Mapping[str, str]], dict[str, Any]] = dict
    spf_include: str = ""
    dkim_selectors: tuple[str, ...] = ()
