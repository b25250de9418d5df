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
        x1, x2, n1, n2 = (values[:, looks] for values in (self.x1, self.x2, self.n1, self.n2))
        return Stream(x1, x2, n1, n2, self.planned_successes, self.planned_trials)


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
    if sending == "trickle":
        steps = np.bincount(np.arange(customers) * looks // customers, minlength=looks)
        seen = [np.cumsum(generator.binomial(steps, rate, (runs, looks)), axis=1) for rate in rates]
        enrolled = np.cumsum(steps)
    else:
        shares = np.diff(answered(looks), prepend=0.0)
        totals = [generator.binomial(customers, rate, runs) for rate in rates]
        seen = [np.cumsum(generator.multinomial(total, shares), axis=1) for total in totals]
        enrolled = np.full(looks, customers)
    sizes = np.broadcast_to(enrolled, (runs, looks))
    return Stream(seen[0], seen[1], sizes, sizes, customers * sum(hoped), 2.0 * customers)


def answered(looks: int) -> Floats:
    """The share of those who will convert that has done so at each look after a burst; 1 at the last."""
    at = np.arange(1, looks + 1) / looks
    return np.asarray((1 - np.exp(-3 * at)) / (1 - np.exp(-3)))
