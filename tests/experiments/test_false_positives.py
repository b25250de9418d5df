"""Simulated A/A experiments: how often does the rule find a winner where there is none?"""

import numpy as np
from scipy.stats import binom

from experiments.stats.means import welch
from experiments.stats.multiplicity import holm
from experiments.stats.proportions import pooled_z, two_sided_p
from experiments.stats.revenue import MINIMUM_BUYERS_LOPSIDED

EXPERIMENTS = 20_000
Floats = np.ndarray


def band(experiments: int, rate: float = 0.05) -> tuple[float, float]:
    """Where the share of false winners lies with probability 0.999 if each has a chance of `rate`."""
    low, high = binom.interval(0.999, experiments, rate)
    return low / experiments, high / experiments


def false_revenue_winners(*, buyers: int, times: int, experiments: int) -> float:
    """The share of A/A experiments whose Welch test finds a winner on lognormal spend, 2 % buying.

    The smaller arm expects `buyers` customers with an order; the other is `times` its size.
    """
    generator = np.random.default_rng(17)
    small = buyers * 50

    def arm(size: int) -> tuple[Floats, Floats]:
        counts = generator.binomial(size, 0.02, experiments)
        spend = generator.lognormal(0.0, 1.0, counts.sum())
        ends = np.cumsum(counts)
        sums, squares = (
            np.diff(np.concatenate([[0.0], np.cumsum(values)])[np.concatenate([[0], ends])])
            for values in (spend, spend**2)
        )
        return sums / size, (squares - sums**2 / size) / (size - 1)

    (mean1, variance1), (mean2, variance2) = arm(small * times), arm(small)
    _, _, p_value = welch(
        mean1=mean1, variance1=variance1, n1=small * times, mean2=mean2, variance2=variance2, n2=small
    )
    return float((p_value < 0.05).mean())


def test_the_pooled_test_finds_a_false_winner_in_one_experiment_of_twenty() -> None:
    generator = np.random.default_rng(3)
    x1, x2 = generator.binomial(9000, 0.05, EXPERIMENTS), generator.binomial(4500, 0.05, EXPERIMENTS)
    rate = (two_sided_p(pooled_z(x1=x1, n1=9000, x2=x2, n2=4500)) < 0.05).mean()
    low, high = band(EXPERIMENTS)
    assert low <= rate <= high


def test_three_treatments_together_find_one_in_no_more_than_that() -> None:
    generator = np.random.default_rng(4)
    control, *treatments = generator.binomial(4000, 0.1, (4, 4000))
    p_values = [two_sided_p(pooled_z(x1=one, n1=4000, x2=control, n2=4000)) for one in treatments]
    some_winner = [min(holm(row)) < 0.05 for row in np.array(p_values).T]
    assert np.mean(some_winner) <= band(4000)[1]
    assert np.mean(np.array(p_values).min(axis=0) < 0.05) > band(4000)[1]


def test_a_lopsided_split_with_few_buyers_finds_far_too_many() -> None:
    assert false_revenue_winners(buyers=10, times=9, experiments=4000) > 0.10


def test_the_revenue_guard_keeps_a_lopsided_split_near_one_in_twenty() -> None:
    rate = false_revenue_winners(buyers=MINIMUM_BUYERS_LOPSIDED, times=9, experiments=1500)
    low, high = band(1500, 0.055)
    assert low <= rate <= high


def test_two_equal_arms_with_few_buyers_do_not_find_too_many() -> None:
    assert false_revenue_winners(buyers=100, times=1, experiments=4000) <= band(4000)[1]
