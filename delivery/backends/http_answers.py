"""What the statuses of HTTP say about a mail that was handed over."""

from datetime import UTC, timedelta
from email.utils import parsedate_to_datetime

from common.clock import now
from delivery.answers import Answer, Deferred, Refused, Uncertain
from delivery.backends.side_by_side import Halt

_NOT_US = frozenset({301, 302, 303, 307, 308, 401, 402, 403, 404, 405, 407, 410})
_NOT_NOW = frozenset({425, 429, 503})
_NOT_THIS = frozenset({400, 406, 411, 413, 414, 415, 422, 451})


def answer_to(status: int, *, reason: str, retry_after: str, halt: Halt) -> Answer:
    """What a status outside of 2xx means: not this mail, not now, not us (wrongly set up), or nobody knows.

    Not now and not us begin the halt. `retry_after` is the header of that name.
    """
    if status in _NOT_NOW or status in _NOT_US:
        wait = read_retry_after(retry_after)
        halt.begin(f"the provider takes nothing: {reason}", wait)
        return Deferred(reason=reason, retry_after=wait)
    return Refused(reason=reason) if status in _NOT_THIS else Uncertain(reason=reason)


def read_retry_after(text: str) -> timedelta | None:
    """Read Retry-After, seconds or a date (RFC 9110); between a second and an hour, None if it says neither."""
    if text.strip().isascii() and text.strip().isdigit():
        wait = timedelta(seconds=min(int(text.strip()[:9]), 3600))
    else:
        try:
            at = parsedate_to_datetime(text)
        except ValueError:
            return None
        wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - now()
    return min(max(wait, timedelta(seconds=1)), timedelta(hours=1))
