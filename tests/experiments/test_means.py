"""Revenue per recipient, against scipy and statsmodels."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from experiments.stats.means import MeanSample, compare_means, mean_interval

generator = np.random.default_rng(11)
FIRST = np.where(generator.random(900) < 0.1, generator.lognormal(8, 1, 900), 0).astype(np.int64)
SECOND = np.where(generator.random(400) < 0.08, generator.lognormal(8, 1, 400), 0).astype(np.int64)


def sums_of(values: np.ndarray) -> MeanSample:
    return MeanSample(len(values), int(values.sum()), int((values**2).sum()))


def test_welch_is_scipys_and_statsmodels_welch() -> None:
    ours = compare_means(treatment=sums_of(FIRST), control=sums_of(SECOND))
    theirs = stats.ttest_ind(FIRST, SECOND, equal_var=False)
    assert (ours.t, ours.p_value) == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-10)
    assert ours.degrees_of_freedom == pytest.approx(theirs.df, rel=1e-10)


def test_its_interval_is_statsmodels_unequal_variance_interval() -> None:
    ours = compare_means(treatment=sums_of(FIRST), control=sums_of(SECOND), alpha=0.1).difference
    low, high = CompareMeans(DescrStatsW(FIRST), DescrStatsW(SECOND)).tconfint_diff(0.1, usevar="unequal")
    assert (ours.low, ours.high) == pytest.approx((low, high), rel=1e-9)


def test_one_mean_has_students_interval() -> None:
    ours = mean_interval(sample=sums_of(FIRST))
    low, high = DescrStatsW(FIRST).tconfint_mean(0.05)
    assert (ours.low, ours.high) == pytest.approx((low, high), rel=1e-9)


def test_integer_sums_lose_nothing_to_cancellation() -> None:
    values = [10**9, 10**9 + 1, 10**9 + 2]
    sample = MeanSample(3, sum(values), sum(value**2 for value in values))
    assert sample.variance == 1.0


@pytest.mark.parametrize("shift", range(-400, 401, 25))
def test_the_lift_interval_excludes_zero_exactly_when_welch_rejects(shift: int) -> None:
    treatment = sums_of(FIRST + shift)
    ours = compare_means(treatment=treatment, control=sums_of(SECOND + 100))
    assert ours.relative_lift is not None
    assert ours.relative_lift.excludes(0) == (ours.p_value < 0.05) == ours.difference.excludes(0)


def test_the_lift_is_unbounded_where_the_control_may_be_nothing() -> None:
    control = sums_of(np.array([0] * 99 + [5000]))
    assert compare_means(treatment=sums_of(FIRST), control=control).relative_lift is None


def test_no_spend_in_either_arm_is_no_difference() -> None:
    ours = compare_means(treatment=MeanSample(50, 0, 0), control=MeanSample(60, 0, 0))
    assert (ours.t, ours.p_value, ours.difference.low, ours.difference.high) == (0.0, 1.0, 0.0, 0.0)


def test_impossible_sums_are_refused() -> None:
    with pytest.raises(ValueError, match="impossible sums"):
        MeanSample(2, 10, 20)


def test_a_single_customer_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two customers"):
        compare_means(treatment=MeanSample(1, 5, 25), control=sums_of(FIRST))
