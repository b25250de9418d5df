"""What changed about a customer, as the bits of one number: listeners look only where they have to.

A bit says "something of this sort may have changed"; too many cost time, a missing one would lose news. So whoever
does not know says EVERYTHING.
"""

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

EVERYTHING = -1
EXISTS = 1 << 62
"""Who there is: new customers, merges, erasures. Only EVERYTHING has it."""
PROFILE = 1 << 40
CONSENT = 1 << 41
SCORE = 1 << 42
STAGE = 1 << 43
_LAST_EVENT = 32
"""Types from this number on, as names of the shop's own have them, share a bit."""


class News(NamedTuple):
    """What changed about a customer, in these bits, and since when the oldest of it has waited."""

    changed: int
    since: datetime


def of_events(types: Iterable[int]) -> int:
    """Return the bits of events of these types."""
    bits = 0
    for type in types:
        bits |= 1 << min(int(type), _LAST_EVENT)
    return bits


def of_events_sql(column: str) -> str:
    """Return the aggregate that sums the bits of a column of types."""
    return f"bit_or(1::bigint << least({column}::int, {_LAST_EVENT}))"
