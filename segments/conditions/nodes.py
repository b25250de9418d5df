"""The parts of a parsed condition. They are values: equal when they say the same."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TypeAlias

from customers.models import EventType
from segments.conditions.vocabulary import Field

Value: TypeAlias = "str | tuple[str, ...] | int | Decimal | bool | datetime | date | timedelta | None"


@dataclass(frozen=True, slots=True)
class AllOf:
    """Every part holds; with no parts, everybody fits."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyOf:
    """At least one part holds."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class Not:
    """The part does not hold."""

    part: "Condition"


@dataclass(frozen=True, slots=True)
class Comparison:
    """An attribute or fact against a value. `value` is None for is_missing and is_present."""

    field: Field
    op: str
    value: Value


@dataclass(frozen=True, slots=True)
class Where:
    """What an event must have beside its type; None asks nothing. Ranges are pairs of operator and number."""

    categories: tuple[str, ...] | None = None
    products: tuple[str, ...] | None = None
    value_minor: tuple[tuple[str, int], ...] = ()
    quantity: tuple[tuple[str, int], ...] = ()
    currency: str | None = None
    source: str | None = None


@dataclass(frozen=True, slots=True)
class Happened:
    """How often an event occurred in `[start, end)`, and never at or after now.

    `most` None means no upper limit. `within` counts back from now; `since` and `until` are fixed instants.
    """

    type: EventType
    where: Where
    least: int
    most: int | None
    within: timedelta | None = None
    since: datetime | None = None
    until: datetime | None = None
    not_followed_by: EventType | None = None

    def window(self, now: datetime) -> tuple[datetime | None, datetime]:
        """Return the half-open interval looked at; a start of None means from the beginning."""
        start = now - self.within if self.within is not None else self.since
        return start, min(self.until or now, now)


@dataclass(frozen=True, slots=True)
class Scored:
    """A stored score against a number; `top_percent` and `bottom_percent` read the stored percentile."""

    kind: str
    op: str
    value: float


@dataclass(frozen=True, slots=True)
class InSegment:
    """Stored membership of another segment."""

    key: str


@dataclass(frozen=True, slots=True)
class Consented:
    """Consent for the purpose is granted now."""

    purpose: str


@dataclass(frozen=True, slots=True)
class Assigned:
    """Takes part in an experiment; with a variant, in that variant."""

    experiment: str
    variant: str | None


Condition: TypeAlias = AllOf | AnyOf | Not | Comparison | Happened | Scored | InSegment | Consented | Assigned
