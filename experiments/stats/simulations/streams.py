"""How conversions come in: mails that trickle out, or all sent at once with answers that trickle in."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from experiments.stats.arguments import Floats

Sending = Literal["trickle", "burst"]
Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Stream:
    """Two arms as they stand at each look: converted and enrolled (runs, looks), and what was planned for both."""

    x1: Ints
    x2: Ints
    n1: Ints
    n2: Ints
    planned_successes: float
    planned_trials: float

    def at(self, looks: Ints) -> "Stream":
        """The same experiments seen at these looks only."""
        columns = (values[:, looks] for values in (self.x1, self.x2, self.n1, self.n2))
        return Stream(*columns, self.planned_successes, self.planned_trials)


def roll(
    generator: np.random.Generator,
    *,
    sending: Sending,
    runs: int,
    looks: int,
    customers: int,
    rates: tuple[float, float],
    hoped: tuple[float, float],
) -> Stream:
    """Roll `runs` experiments with so many customers an arm, seen at equally spaced looks.

    `rates` are the true ones of both arms, `hoped` those that the plan was made with.
    `trickle` enrols the same number before each look, and they convert at once. `burst` enrols all before the
    first look; those who convert do so after a time that is exponential with a third of the window as its mean,
    cut off at the window's end.
    """
    seen = [_counts(generator, sending, rate, runs, looks, customers) for rate in rates]
    enrolled = (
        np.linspace(customers / looks, customers, looks).round().astype(np.int64)
        if sending == "trickle"
        else np.full(looks, customers, dtype=np.int64)
    )
    sizes = np.broadcast_to(enrolled, seen[0].shape)
    return Stream(seen[0], seen[1], sizes, sizes, customers * sum(hoped), 2.0 * customers)


def answered(looks: int) -> Floats:
    """The share of those who will convert that has done so at each look after a burst; 1 at the last."""
    at = np.arange(1, looks + 1) / looks
    return np.asarray((1 - np.exp(-3 * at)) / (1 - np.exp(-3)))


def _counts(
    generator: np.random.Generator, sending: Sending, rate: float, runs: int, looks: int, customers: int
) -> Ints:
    """Converted so far (runs, looks)."""
    if sending == "trickle":
        sizes = np.diff(np.linspace(0, customers, looks + 1).round().astype(np.int64))
        return np.cumsum(generator.binomial(sizes, rate, (runs, looks)), axis=1)
    total = generator.binomial(customers, rate, runs)
    shares = np.diff(answered(looks), prepend=0.0)
    return np.cumsum(generator.multinomial(total, shares / shares.sum()), axis=1)
