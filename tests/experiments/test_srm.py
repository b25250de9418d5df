"""Sample ratio mismatch."""

import numpy as np
import pytest
from scipy import stats

from experiments.stats.srm import sample_ratio, sequential_sample_ratio


def test_it_is_scipys_chi_square() -> None:
    ours = sample_ratio(observed=[5100, 4800, 1000], weights=[4500, 4500, 1000])
    theirs = stats.chisquare([5100, 4800, 1000], [4905, 4905, 1090])
    assert (ours.chi_square, ours.p_value) == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-12)


def test_the_known_case_of_821588_against_815482_raises_the_alarm() -> None:
    ours = sample_ratio(observed=[821_588, 815_482], weights=[1, 1])
    assert ours.p_value == pytest.approx(1.8e-6, rel=0.02)
    assert ours.alarm


def test_a_fair_split_raises_none() -> None:
    assert not sample_ratio(observed=[5049, 4951], weights=[5000, 5000]).alarm


def test_a_handful_of_customers_cannot_be_checked() -> None:
    ours = sample_ratio(observed=[0, 30, 0], weights=[4500, 4500, 1000])
    assert (ours.checkable, ours.alarm) == (False, False)


@pytest.mark.parametrize("observed", [[0, 0], [17]])
def test_nothing_to_compare_is_no_mismatch(observed: list[int]) -> None:
    ours = sample_ratio(observed=observed, weights=[1] * len(observed))
    assert (ours.p_value, ours.checkable) == (1.0, False)


def test_an_arm_without_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="one positive weight"):
        sample_ratio(observed=[10, 0], weights=[10_000, 0])


@pytest.mark.parametrize("observed", [[5100, 4800, 1000], [700, 500], [400_000, 396_000]])
def test_its_bayes_factor_is_that_of_scipys_distributions(observed: list[int]) -> None:
    weights = [4500, 4500, 1000][: len(observed)]
    shares = np.array(weights) / sum(weights)
    drawn = stats.dirichlet_multinomial.logpmf(observed, 100 * shares, sum(observed))
    planned = stats.multinomial.logpmf(observed, sum(observed), shares)
    ours = sequential_sample_ratio(observed=observed, weights=weights)
    assert ours.p_value == pytest.approx(min(1.0, np.exp(planned - drawn)), rel=1e-5)
    assert ours.chi_square == sample_ratio(observed=observed, weights=weights).chi_square


def test_twenty_looks_raise_no_more_false_alarms_than_one_may() -> None:
    steps = np.random.default_rng(3).multinomial(250, [0.5, 0.5], size=(2_000, 20)).cumsum(axis=1)
    fixed = sequential = 0
    for run in steps:
        sizes = [[int(one) for one in look] for look in run]
        fixed += any(sample_ratio(observed=one, weights=[1, 1]).alarm for one in sizes)
        sequential += any(sequential_sample_ratio(observed=one, weights=[1, 1]).alarm for one in sizes)
    assert fixed > 10
    assert sequential <= 5


@pytest.mark.parametrize(("size", "larger"), [(2_000, 0.55), (5_500, 0.53), (12_000, 0.52)])
def test_it_finds_what_its_prior_is_said_to_find(size: int, larger: float) -> None:
    for share, is_found in ((larger, True), ((larger + 0.5) / 2, False)):
        first = round(size * share)
        assert sequential_sample_ratio(observed=[first, size - first], weights=[1, 1]).alarm is is_found


def test_a_lost_tenth_of_an_arm_is_found_while_people_come() -> None:
    assert sequential_sample_ratio(observed=[5_000, 4_500], weights=[1, 1]).alarm
    assert not sequential_sample_ratio(observed=[50, 45], weights=[1, 1]).alarm
