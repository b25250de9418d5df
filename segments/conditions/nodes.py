"""The parts of a parsed condition. They are values: equal when they say the same."""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeAlias

from customers.models import EventType
from segments.conditions.vocabulary import Field

Value: TypeAlias = "str | tuple[str, ...] | int | Decimal | bool | datetime | date | timedelta | None"

COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": operator.eq,
    "ne": operator.ne,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


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

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Comparison) and self._said() == other._said()

    def __hash__(self) -> int:
        return hash(self._said())

    def _said(self) -> tuple[object, ...]:
        """All that it says; to Python `True` equals 1, to a field it does not."""
        return self.field, self.op, self.value, isinstance(self.value, bool)


@dataclass(frozen=True, slots=True)
class Where:
    """What an event must have beside its type; None asks nothing. Ranges are pairs of operator and number."""

    categories: tuple[str, ...] | None = None
    products: tuple[str, ...] | None = None
    value_minor: tuple[tuple[str, int], ...] = ()
    quantity: tuple[tuple[str, int], ...] = ()
    currency: str | None = None
    source: str | None = None
    properties: tuple[Comparison, ...] = ()


@dataclass(frozen=True, slots=True)
class Step:
    """An event that came, or did not come, after another one; `within` is reckoned from that one.

    With a name it is a custom event of that name. It counts at the very instant of the other one too, unless both
    are the same kind of event.
    """

    type: EventType
    where: Where = Where()
    name: str | None = None
    within: timedelta | None = None
    followed_by: "Step | None" = None
    not_followed_by: "Step | None" = None

    @property
    def kind(self) -> tuple[EventType, str | None]:
        """What makes two events the same kind."""
        return self.type, self.name


@dataclass(frozen=True, slots=True)
class Total:
    """A sum or an average of `value_minor` or `quantity`, or how many distinct days (in UTC), products, categories.

    The sum of nothing is 0, an average of nothing is missing and fits no bound.
    """

    measure: str
    of: str
    bounds: tuple[tuple[str, int | Decimal], ...]

    def fits_nothing(self) -> bool:
        """Return whether it holds where nothing happened."""
        return self.measure != "avg" and all(COMPARE[op](0, bound) for op, bound in self.bounds)


@dataclass(frozen=True, slots=True)
class Happened:
    """How often an event occurred in `[start, end)`, and never at or after now.

    `most` None means no upper limit. `within` and `before` count back from now; `since` and `until` are fixed instants.
    With `pick`, what counts is only the customer's first or last event of this kind ever.
    """

    type: EventType
    where: Where
    least: int
    most: int | None
    within: timedelta | None = None
    since: datetime | None = None
    until: datetime | None = None
    before: timedelta | None = None
    name: str | None = None
    pick: str | None = None
    totals: tuple[Total, ...] = ()
    followed_by: Step | None = None
    not_followed_by: Step | None = None

    @property
    def kind(self) -> tuple[EventType, str | None]:
        """What makes two events the same kind."""
        return self.type, self.name

    def window(self, now: datetime) -> tuple[datetime | None, datetime]:
        """Return the half-open interval looked at; a start of None means from the beginning."""
        start = now - self.within if self.within is not None else self.since
        end = now - self.before if self.before is not None else self.until
        return start, min(end or now, now)

    def fits_nothing(self) -> bool:
        """Return whether it holds for those with no such event at all."""
        return self.least == 0 and all(total.fits_nothing() for total in self.totals)

    def fits_once(self) -> bool:
        """Return whether one such event is all it asks for."""
        return (self.least, self.most, self.totals) == (1, None, ())


def steps(event: Happened | Step) -> Iterator[Happened | Step]:
    """Yield the event and all that follow or do not follow it, the earlier ones first."""
    yield event
    for follower in (event.followed_by, event.not_followed_by):
        if follower is not None:
            yield from steps(follower)


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
class InStage:
    """Stands in one of these stages of the lifecycle, by key."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Consented:
    """Consent for the purpose is granted now."""

    purpose: str


@dataclass(frozen=True, slots=True)
class Assigned:
    """Takes part in an experiment; with a variant, in that variant."""

    experiment: str
    variant: str | None


Condition: TypeAlias = (
    AllOf | AnyOf | Not | Comparison | Happened | Scored | InSegment | InStage | Consented | Assigned
)
