"""Type I error and power of each way of looking at a running experiment, on the same rolls of the dice."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from experiments.stats.anytime import always_valid_p, tuned_ratio
from experiments.stats.arguments import Floats
from experiments.stats.power import proportion_sample_size
from experiments.stats.proportions import pooled_z
from experiments.stats.sequential import Spending, boundaries, information_fraction
from experiments.stats.simulations.streams import Sending, Stream, roll
from experiments.stats.simulations.tally import Tallies, Tally

ALPHA, POWER = 0.05, 0.8
LOOKS = 28
"""Four a day for a week. The chance of a false winner with naive peeking is then 0.27 where mails trickle out and 0.21
for a burst, whose first look already sees a tenth of what will be; both by integrating the boundary crossings."""
PLANNED = np.array([5, 10, 16, 21, 27])
CUSTOMERS, RATE = 10_000, 0.05
LIFTED = 0.06

Rule = Callable[[Stream], NDArray[np.bool_]]


def naive(stream: Stream) -> NDArray[np.bool_]:
    """Whoever peeks at every look and stops at p < 0.05: which experiments (runs,) name a winner."""
    return np.asarray((np.abs(_z(stream)) > -ndtri(ALPHA / 2)).any(axis=1))


def once(stream: Stream) -> NDArray[np.bool_]:
    """The fixed horizon: one test at the end."""
    return np.asarray(np.abs(_z(stream)[:, -1]) > -ndtri(ALPHA / 2))


def planned(spending: Spending) -> Rule:
    """Five planned looks among the others, with alpha spent as information comes in."""

    def decide(stream: Stream) -> NDArray[np.bool_]:
        seen = stream.at(PLANNED)
        bounds = boundaries(_information(seen), alpha=ALPHA, spending=spending, final=True)
        return np.asarray((np.abs(_z(seen)) >= bounds).any(axis=1))

    return decide


def planned_by_enrolment(stream: Stream) -> NDArray[np.bool_]:
    """The mistake to avoid: the same boundaries with n/N as information, which a burst completes at once."""
    seen = stream.at(PLANNED)
    enrolled = (seen.n1 + seen.n2)[0] / seen.planned_trials
    first = np.flatnonzero(np.diff(enrolled, prepend=0.0) > 0)
    bounds = np.full(len(PLANNED), -ndtri(ALPHA / 2))
    bounds[first] = boundaries(enrolled[first], alpha=ALPHA, final=True)
    return np.asarray((np.abs(_z(seen)) >= bounds).any(axis=1))


def whenever(stream: Stream) -> NDArray[np.bool_]:
    """The always-valid p-value read at every look, stopped at p < 0.05."""
    ratio = tuned_ratio(alpha=ALPHA) * _information(stream)
    return np.asarray((always_valid_p(z=_z(stream), ratio=ratio) < ALPHA).any(axis=1))


NAIVE, FIXED = f"naive peeking, {LOOKS} looks", "fixed horizon"
OBRIEN_FLEMING = "O'Brien–Fleming, 5 planned looks"
WHENEVER = f"whenever you like, {LOOKS} looks"
BY_ENROLMENT = "O'Brien–Fleming with n/N as information"
RULES: dict[str, Rule] = {
    NAIVE: naive,
    FIXED: once,
    OBRIEN_FLEMING: planned("obrien_fleming"),
    "Pocock, 5 planned looks": planned("pocock"),
    WHENEVER: whenever,
}


def false_positives(*, sending: Sending, runs: int, seed: int) -> Tallies:
    """In how many A/A experiments each rule names a winner."""
    stream = _rolled(seed, sending, runs, CUSTOMERS, RATE)
    rules = RULES if sending == "trickle" else RULES | {BY_ENROLMENT: planned_by_enrolment}
    return {name: Tally.of(rule(stream)) for name, rule in rules.items()}


def powers(*, sending: Sending, runs: int, seed: int) -> Tallies:
    """In how many experiments with a true effect each rule finds it; sized for 0.8 with one look at the end."""
    needed, _ = proportion_sample_size(control_rate=RATE, treatment_rate=LIFTED, alpha=ALPHA, power=POWER)
    stream = _rolled(seed, sending, runs, needed, LIFTED)
    return {name: Tally.of(rule(stream)) for name, rule in RULES.items() if name != NAIVE}


def _rolled(seed: int, sending: Sending, runs: int, customers: int, treatment_rate: float) -> Stream:
    generator = np.random.default_rng([seed, sending == "burst", customers])
    return roll(
        generator,
        sending=sending,
        runs=runs,
        looks=LOOKS,
        customers=customers,
        rates=(treatment_rate, RATE),
        hoped=(LIFTED, RATE),
    )


def _z(stream: Stream) -> Floats:
    return pooled_z(x1=stream.x1, n1=stream.n1, x2=stream.x2, n2=stream.n2)


def _information(stream: Stream) -> Floats:
    """Non-decreasing: a look may see a pooled rate a little below the one before."""
    found = information_fraction(
        successes=stream.x1 + stream.x2,
        trials=stream.n1 + stream.n2,
        planned_successes=stream.planned_successes,
        planned_trials=stream.planned_trials,
    )
    return np.maximum.accumulate(found, axis=-1)
