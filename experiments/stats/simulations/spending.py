"""Revenue per recipient in a 90/10 split with heavy-tailed orders: how often is there a false winner?"""

import numpy as np
from numpy.typing import NDArray

from experiments.stats.arguments import Floats
from experiments.stats.means import welch
from experiments.stats.revenue import Spend, common_cap, minimum_buyers
from experiments.stats.simulations.tally import Tallies, Tally

ALPHA = 0.05
CONVERSION = 0.02
TIMES = 9
SIGMA = 1.5
FEW, MANY = 10, 400
UNGUARDED, GUARDED = "Welch, 10 buyers, no guard", "Welch with the guard of 400 buyers"
WINSORISED = "Welch with the guard, winsorised"


def false_winners(*, runs: int, seed: int) -> Tallies:
    """A/A experiments whose smaller arm expects 10 buyers, unguarded, or 400, judged if the guard allows.

    2 % buy; order values are lognormal with σ = 1.5 (coefficient of variation 2.9). Welch's test is made on what
    was spent, and on spend cut at the arms' common cap.
    """
    few, many = (_simulated(runs=runs, seed=seed, buyers=buyers) for buyers in (FEW, MANY))
    return {
        UNGUARDED: Tally.of(few[0]),
        GUARDED: Tally.of(many[0]),
        WINSORISED: Tally.of(many[1]),
    }


def _simulated(*, runs: int, seed: int, buyers: int) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which of the experiments that are judged name a winner: on plain spend, and on winsorised spend."""
    generator = np.random.default_rng([seed, buyers])
    n1 = round(buyers / CONVERSION)
    n2 = n1 * TIMES
    needed = minimum_buyers(n_treatment=n1, n_control=n2) if buyers == MANY else 2
    judged: list[list[list[float]]] = []
    while len(judged) < runs:
        small, large = _arm(generator, n1), _arm(generator, n2)
        if min(len(small.amounts), len(large.amounts)) >= needed:
            judged.append([_moments(small, large), _moments(*_winsorised(small, large))])
    plain, winsorised = np.array(judged).transpose(1, 2, 0)
    return _winners(plain, n1, n2), _winners(winsorised, n1, n2)


def _arm(generator: np.random.Generator, n: int) -> Spend:
    return Spend(n, generator.lognormal(0.0, SIGMA, generator.binomial(n, CONVERSION)))


def _winsorised(*arms: Spend) -> list[Spend]:
    cap = common_cap(*arms)
    return [arm.winsorised(cap) for arm in arms]


def _moments(*arms: Spend) -> list[float]:
    return [value for arm in arms for value in (arm.sums.mean, arm.sums.variance)]


def _winners(moments: Floats, n1: int, n2: int) -> NDArray[np.bool_]:
    mean1, variance1, mean2, variance2 = moments
    _, _, p_value = welch(mean1=mean1, variance1=variance1, n1=n1, mean2=mean2, variance2=variance2, n2=n2)
    return np.asarray(p_value < ALPHA)
