"""Ratio metrics and CUPED from sums, against the raw values."""

import numpy as np
import pytest
import statsmodels.api as sm
from scipy import stats

from experiments.stats.means import MeanSample, compare_means
from experiments.stats.pairs import PairedSums, compare_ratios, cuped, ratio_of_sums, relative_lift

generator = np.random.default_rng(23)


def drawn(size: int, *, lift: float) -> tuple[np.ndarray, np.ndarray]:
    """What each customer did before (x) and after (y), strongly correlated."""
    before = generator.gamma(2.0, 30.0, size)
    return before, 0.8 * before + generator.normal(10 + lift, 12, size)


def sums(x: np.ndarray, y: np.ndarray) -> PairedSums:
    return PairedSums(len(x), x.sum(), y.sum(), (x**2).sum(), (y**2).sum(), (x * y).sum())


TREATMENT, CONTROL = drawn(700, lift=2.0), drawn(500, lift=0.0)


def test_cuped_is_welch_on_values_adjusted_one_by_one() -> None:
    (x1, y1), (x2, y2) = TREATMENT, CONTROL
    ours = cuped(treatment=sums(x1, y1), control=sums(x2, y2))
    theirs = stats.ttest_ind(y1 - ours.slope * x1, y2 - ours.slope * x2, equal_var=False)
    interval = theirs.confidence_interval()
    assert (ours.t, ours.p_value) == pytest.approx((theirs.statistic, theirs.pvalue), rel=1e-8)
    assert ours.degrees_of_freedom == pytest.approx(theirs.df, rel=1e-9)
    assert (ours.difference.low, ours.difference.high) == pytest.approx(
        (interval.low, interval.high), rel=1e-8
    )


def test_its_slope_and_difference_are_the_regressions_of_statsmodels() -> None:
    (x1, y1), (x2, y2) = TREATMENT, CONTROL
    arm = np.repeat([1.0, 0.0], [len(x1), len(x2)])
    design = np.column_stack([np.ones(len(arm)), arm, np.concatenate([x1, x2])])
    fitted = sm.OLS(np.concatenate([y1, y2]), design).fit().params
    ours = cuped(treatment=sums(x1, y1), control=sums(x2, y2))
    assert (ours.difference.estimate, ours.slope) == pytest.approx((fitted[1], fitted[2]), rel=1e-9)


def test_it_keeps_the_variance_that_the_past_does_not_explain() -> None:
    ours = cuped(treatment=sums(*TREATMENT), control=sums(*CONTROL))
    correlation = np.corrcoef(*TREATMENT)[0, 1]
    assert ours.variance_kept == pytest.approx(1 - correlation**2, abs=0.02)


def test_without_a_past_it_is_welch() -> None:
    (x1, y1), (x2, y2) = TREATMENT, CONTROL
    ours = cuped(treatment=sums(x1 * 0, y1), control=sums(x2 * 0, y2))
    welch = compare_means(
        treatment=MeanSample(len(y1), y1.sum(), (y1**2).sum()),
        control=MeanSample(len(y2), y2.sum(), (y2**2).sum()),
    )
    assert (ours.slope, ours.variance_kept) == (0.0, 1.0)
    assert (ours.t, ours.p_value) == pytest.approx((welch.t, welch.p_value), rel=1e-9)


def test_arms_that_never_vary_show_no_difference() -> None:
    still = PairedSums(5, 0, 0, 0, 0, 0)
    ours = cuped(treatment=still, control=still)
    assert (ours.t, ours.p_value, ours.variance_kept) == (0.0, 1.0, 1.0)


def orders(size: int, *, each: float) -> tuple[np.ndarray, np.ndarray]:
    """Orders (the denominator) and revenue of each customer."""
    count = generator.poisson(0.8, size).astype(float)
    return count, count * generator.gamma(4.0, each / 4, size)


def test_a_ratio_of_sums_is_the_regression_through_the_origin_with_robust_errors() -> None:
    count, revenue = orders(2_000, each=50)
    ours = ratio_of_sums(sample=sums(count, revenue))
    residual = revenue - ours.estimate * count
    error = residual.std(ddof=1) / (len(count) ** 0.5 * count.mean())
    assert ours.estimate == pytest.approx(revenue.sum() / count.sum(), rel=1e-12)
    assert (ours.low, ours.high) == pytest.approx(stats.norm.interval(0.95, ours.estimate, error), rel=1e-9)


def test_its_interval_is_the_bootstraps() -> None:
    count, revenue = orders(2_000, each=50)
    ours = ratio_of_sums(sample=sums(count, revenue))
    picks = generator.integers(0, 2_000, (3_000, 2_000))
    ratios = revenue[picks].sum(axis=1) / count[picks].sum(axis=1)
    assert (ours.high - ours.low) / 2 == pytest.approx(1.96 * ratios.std(), rel=0.06)


def test_a_ratio_over_one_each_is_a_mean() -> None:
    (_, y1), (_, y2) = TREATMENT, CONTROL
    ours = compare_ratios(treatment=sums(np.ones(len(y1)), y1), control=sums(np.ones(len(y2)), y2))
    theirs = stats.ttest_ind(y1, y2, equal_var=False)
    assert ours.z == pytest.approx(theirs.statistic, rel=1e-10)
    assert ours.p_value == pytest.approx(2 * stats.norm.sf(abs(theirs.statistic)), rel=1e-8)


def test_two_ratios_differ_by_their_difference() -> None:
    one, two = sums(*orders(3_000, each=55)), sums(*orders(2_500, each=50))
    ours = compare_ratios(treatment=one, control=two)
    each = [ratio_of_sums(sample=sample) for sample in (one, two)]
    half = np.hypot(*[(interval.high - interval.low) / 2 for interval in each])
    assert ours.difference.estimate == pytest.approx(each[0].estimate - each[1].estimate, rel=1e-12)
    assert ours.difference.high - ours.difference.estimate == pytest.approx(half, rel=1e-9)
    assert ours.relative_lift is not None
    assert ours.relative_lift.estimate == pytest.approx(each[0].estimate / each[1].estimate - 1, rel=1e-12)


def test_the_relative_lift_is_written_out() -> None:
    ours = relative_lift(estimate1=12.0, variance1=0.04, estimate2=10.0, variance2=0.09)
    error = (0.04 + 1.44 * 0.09) ** 0.5 / 10
    assert ours is not None
    assert (ours.low, ours.high) == pytest.approx(stats.norm.interval(0.95, 0.2, error), rel=1e-12)


def test_there_is_no_lift_over_nothing() -> None:
    assert relative_lift(estimate1=3.0, variance1=1.0, estimate2=0.0, variance2=1.0) is None


@pytest.mark.parametrize(("revenue", "found"), [((10, 10), (0.0, 1.0)), ((20, 10), (float("inf"), 0.0))])
def test_ratios_without_variance_are_taken_as_they_are(
    revenue: tuple[int, int], found: tuple[float, float]
) -> None:
    one, two = (sums(np.ones(5), np.full(5, value, dtype=float)) for value in revenue)
    ours = compare_ratios(treatment=one, control=two)
    assert (ours.z, ours.p_value) == found


@pytest.mark.parametrize(
    ("values", "named"),
    [((1, 1, 1, 1, 1, 1), "n must"), ((3, 9, 1, 5, 1, 1), "xx=5"), ((3, 1, 1, 1, 1, 9), "xy=9")],
)
def test_impossible_sums_are_refused_by_name(values: tuple[int, ...], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        PairedSums(*values)


def test_denominators_that_add_up_to_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="x must add up to a positive denominator"):
        ratio_of_sums(sample=PairedSums(3, 0, 6, 0, 14, 0))
