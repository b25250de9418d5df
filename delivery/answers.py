"""What a provider can answer about one mail, and what may be done where it answered nothing."""

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import TextChoices


class InDoubt(TextChoices):
    """What may be done with a mail of which nobody knows whether the provider took it."""

    REPEAT = "repeat", "Hand it over again: the provider keeps a key once"
    ASK = "ask", "Ask the provider first whether it has the key"
    LEAVE = "leave", "Nothing: the message ends as unknown and is shown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """The provider has taken the mail and knows it by `provider_id`."""

    provider_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Refused:
    """The provider will not take this mail; trying again would not help."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """The provider did not take this mail now and may later: a throttle is not a failure.

    `is_about_mail`: it was said of this mail alone, which is not tried for ever then.
    """

    reason: str
    retry_after: timedelta | None = None
    is_about_mail: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Uncertain:
    """The mail was handed over, and nobody knows whether the provider took it."""

    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Untried:
    """The mail was not handed over: time ran out, or the provider is not to be troubled just now."""

    reason: str


Answer = Accepted | Refused | Deferred | Uncertain | Untried


class Unavailable(Exception):
    """The provider takes nothing just now: mails that have no answer yet were not handed over."""

    def __init__(self, reason: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
