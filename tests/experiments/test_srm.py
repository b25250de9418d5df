"""Sample ratio mismatch."""

import pytest
from scipy import stats

from experiments.stats.srm import sample_ratio


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
