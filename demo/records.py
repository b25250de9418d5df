"""What happened in the generated shop, as columns: events, orders, refunds, newsletters, visits."""

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from demo.catalogue import Floats, Ints
from demo.kinds import KINDS
from demo.world import DAY_MS, Bools, World

TYPES = (
    "product_viewed", "product_added", "order_placed", "order_refunded",
    "email_sent", "email_opened", "email_clicked", "email_unsubscribed",
)  # fmt: skip
VIEWED, ADDED, PLACED, REFUNDED, SENT, OPENED, CLICKED, UNSUBSCRIBED = range(8)


@dataclass(frozen=True)
class Events:
    """Columns of equal length. `at_ms` is Unix time in milliseconds, UTC; −1 stands for none in `product`,
    `order`, `session` and `newsletter`; `value` is in cents; `duration_ms` is how long
    a product was looked at."""

    type: Ints
    customer: Ints
    at_ms: Ints
    product: Ints
    order: Ints
    session: Ints
    quantity: Ints
    value: Ints
    duration_ms: Ints
    newsletter: Ints

    def __len__(self) -> int:
        return len(self.type)

    def take(self, rows: npt.NDArray[np.generic] | slice) -> "Events":
        """The rows of a mask, of indexes or of a slice, in that order."""
        return Events(**{name: column[rows] for name, column in vars(self).items()})


@dataclass(frozen=True)
class Orders:
    """Orders (columns without prefix) in time order and their lines (`line_…`, sorted by order)."""

    customer: Ints
    placed_ms: Ints
    session: Ints
    total_minor: Ints
    line_order: Ints
    line_product: Ints
    line_quantity: Ints
    line_price_minor: Ints


@dataclass(frozen=True)
class Refunds:
    """Refunds of single lines: the order, the line (row of Orders.line_…), when, and how much in cents."""

    order: Ints
    line: Ints
    at_ms: Ints
    amount_minor: Ints


@dataclass(frozen=True)
class Newsletter:
    """A past newsletter: its day since the world's start, its category, the products it showed."""

    day: float
    kind: int
    products: tuple[int, ...]

    @property
    def subject(self) -> str:
        """The subject line it had."""
        return f"New for the season: {KINDS[self.kind].name.lower()}"


@dataclass(frozen=True)
class History:
    """Everything that happened. `unsubscribed_day` (n,) is when a newsletter lost a customer, else inf."""

    events: Events
    orders: Orders
    refunds: Refunds
    newsletters: tuple[Newsletter, ...]
    unsubscribed_day: Floats


@dataclass(frozen=True)
class Sessions:
    """Visits: who, when (days since start), what for (category), the product a mail led to or −1."""

    customer: Ints
    day: Floats
    kind: Ints
    landing: Ints
    first: Bools


def to_ms(world: World, day: Floats | float) -> Ints:
    """Unix milliseconds of days since the world's start."""
    start = int(world.start.timestamp() * 1000)
    return np.asarray(start + np.round(np.asarray(day) * DAY_MS), dtype=np.int64)


def columns(type_: int, customer: Ints, at_ms: Ints, **given: Ints) -> Events:
    """Events of one type; columns that are not given hold their "none"."""
    none = np.full(len(customer), -1)
    zero = np.zeros(len(customer), dtype=np.int64)
    blank = Events(
        np.full(len(customer), type_), customer, at_ms, none, none, none, zero, zero, zero, newsletter=none
    )
    return replace(blank, **given)


def concatenate(parts: list[Events]) -> Events:
    """All rows, one part after the other."""
    return Events(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])}
    )


def join(parts: list[Sessions]) -> Sessions:
    """All visits, one part after the other."""
    return Sessions(
        **{name: np.concatenate([getattr(part, name) for part in parts]) for name in vars(parts[0])}
    )
