"""All simulations, with the limits that each figure has to keep."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial

import numpy as np

from experiments.stats.simulations import families, looking, spending
from experiments.stats.simulations.tally import Tallies, Tally

BATCH = 500
TYPE_I, REVENUE = 0.055, 0.06
NAIVE_AT_LEAST, NAIVE_AT_MOST = 0.20, 0.31
POWER_LOSS = 0.03
SHOWN_ONLY = {looking.FIXED, looking.BY_ENROLMENT, families.UNCORRECTED, spending.UNGUARDED, spending.GUARDED}
Simulation = Callable[..., Tallies]

SIMULATIONS: dict[str, Simulation] = {
    "no effect, mails trickle out": partial(looking.false_positives, sending="trickle"),
    "no effect, all mailed at once": partial(looking.false_positives, sending="burst"),
    "an effect, mails trickle out": partial(looking.powers, sending="trickle"),
    "an effect, all mailed at once": partial(looking.powers, sending="burst"),
    "no effect, five treatments": families.false_families,
    "no effect, revenue 90/10": spending.false_winners,
}
TIMES = {name: 4 for name in SIMULATIONS if name.startswith("no effect") and "revenue" not in name}
"""How many experiments are rolled for each run, where the limit lies close to what is true: of 10,000 experiments a
share of 0.05 has a standard error of 0.0022, so that a good rule breaks 0.055 by chance once in a hundred figures; of
40,000 the limit is 3 to 4 errors away. The seed decides nothing then."""


@dataclass(frozen=True, slots=True)
class Figure:
    """The share of experiments in which `rule` named a winner; `low` and `high` are its limits, None for none."""

    simulation: str
    rule: str
    share: float
    judged: int
    low: float | None = None
    high: float | None = None

    @property
    def holds(self) -> bool:
        """Whether the share lies within its limits."""
        return (self.low is None or self.share >= self.low) and (self.high is None or self.share <= self.high)


def batches(*, runs: int, seed: int) -> Iterator[tuple[str, int, int]]:
    """What there is to simulate: a simulation's name, how many runs of it, and their own seed."""
    if runs < 1:
        raise ValueError(f"runs must be 1 or more, not {runs}")
    for name in SIMULATIONS:
        total = runs * TIMES.get(name, 1)
        sizes = [min(BATCH, total - start) for start in range(0, total, BATCH)]
        seeds = np.random.SeedSequence(seed).generate_state(len(sizes))
        yield from ((name, size, int(own)) for size, own in zip(sizes, seeds, strict=True))


def simulate(name: str, *, runs: int, seed: int) -> Tallies:
    """One batch of one simulation."""
    return SIMULATIONS[name](runs=runs, seed=seed)


def figures(tallies: dict[str, Tallies]) -> list[Figure]:
    """The figures of all simulations with their limits."""
    return [
        Figure(simulation, rule, tally.share, tally.judged, *_limits(simulation, rule, found))
        for simulation, found in tallies.items()
        for rule, tally in found.items()
    ]


def added(one: Tallies, two: Tallies) -> Tallies:
    """Two batches of the same simulation as one."""
    return {rule: one.get(rule, Tally(0, 0)) + tally for rule, tally in two.items()}


def _limits(simulation: str, rule: str, found: Tallies) -> tuple[float | None, float | None]:
    if simulation.startswith("an effect"):
        fixed = found[looking.FIXED].share
        return (fixed - POWER_LOSS, None) if rule == looking.OBRIEN_FLEMING else (None, None)
    if rule == looking.NAIVE:
        return NAIVE_AT_LEAST, NAIVE_AT_MOST
    if rule == spending.WINSORISED:
        return None, REVENUE
    return (None, None) if rule in SHOWN_ONLY else (None, TYPE_I)
