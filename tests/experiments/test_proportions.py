"""Rates and their differences, against statsmodels."""

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import xlogy
from scipy.stats import norm
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_confint,
    proportions_chisquare,
    proportions_ztest,
)

from experiments.stats.proportions import (
    Proportion,
    compare_proportions,
    difference_bounds,
    pooled_z,
    ratio_bounds,
    two_sided_p,
    wilson,
)

# Newcombe (1998), Stat. Med. 17, 873–890, table II, method 5 (Mee). statsmodels 0.15 is no judge here: its
# constrained estimate for a difference is wrong (statsmodels issue 10269); its ratio is right.
PUBLISHED = [
    ((56, 70, 48, 80), (0.0533, 0.3377)),
    ((9, 10, 3, 10), (0.1821, 0.8370)),
    ((5, 56, 0, 29), (-0.0313, 0.1926)),
    ((0, 10, 0, 10), (-0.2775, 0.2775)),
]
TABLES = [(240, 20199, 170, 20366), (7, 34, 1, 34), (56, 70, 48, 80), (30, 4000, 12, 500), (1, 900, 9, 1100)]


def numerical_score(delta: float, x1: int, n1: int, x2: int, n2: int) -> float:
    """The score statistic of p₁ − p₂ = delta with p₂ found by a numerical maximisation of the likelihood."""

    def loss(rate: float) -> float:
        return -float(xlogy(x1, rate + delta) + xlogy(n1 - x1, 1 - rate - delta)) - float(
            xlogy(x2, rate) + xlogy(n2 - x2, 1 - rate)
        )

    bounds = (max(0.0, -delta) + 1e-12, min(1.0, 1 - delta) - 1e-12)
    p2 = float(minimize_scalar(loss, bounds=bounds, method="bounded", options={"xatol": 1e-12}).x)
    p1 = p2 + delta
    return (x1 / n1 - x2 / n2 - delta) / (p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2) ** 0.5


@pytest.mark.parametrize(("successes", "trials"), [(0, 10), (10, 10), (3, 40), (240, 20199)])
def test_wilson_is_statsmodels_wilson(successes: int, trials: int) -> None:
    ours = wilson(sample=Proportion(successes, trials), alpha=0.1)
    low, high = proportion_confint(successes, trials, alpha=0.1, method="wilson")
    assert (ours.low, ours.high) == pytest.approx((low, high), abs=1e-14)


def test_wilson_of_no_trials_knows_nothing() -> None:
    ours = wilson(sample=Proportion(0, 0))
    assert (ours.low, ours.high) == (0.0, 1.0)


@pytest.mark.parametrize("table", TABLES)
def test_pooled_z_is_statsmodels_z(table: tuple[int, int, int, int]) -> None:
    x1, n1, x2, n2 = table
    z, p_value = proportions_ztest([x1, x2], [n1, n2])
    ours = compare_proportions(treatment=Proportion(x1, n1), control=Proportion(x2, n2))
    assert (ours.z, ours.p_value) == pytest.approx((z, p_value), rel=1e-12)


def test_its_square_is_pearsons_chi_square() -> None:
    chi_square, _, _ = proportions_chisquare([240, 170], [20199, 20366])
    z = pooled_z(x1=240, n1=20199, x2=170, n2=20366)
    assert float(z) ** 2 == pytest.approx(chi_square, rel=1e-12)


@pytest.mark.parametrize(("table", "published"), PUBLISHED)
def test_the_difference_interval_is_the_published_score_interval(
    table: tuple[int, int, int, int], published: tuple[float, float]
) -> None:
    x1, n1, x2, n2 = table
    low, high = difference_bounds(x1=x1, n1=n1, x2=x2, n2=n2)
    assert (round(float(low), 4), round(float(high), 4)) == published


@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize("table", TABLES)
def test_its_bounds_are_where_the_likelihood_fitted_numerically_says(
    table: tuple[int, int, int, int], alpha: float
) -> None:
    x1, n1, x2, n2 = table
    bounds = difference_bounds(x1=x1, n1=n1, x2=x2, n2=n2, alpha=alpha)
    scores = [numerical_score(float(bound), x1, n1, x2, n2) for bound in bounds]
    critical = norm.isf(alpha / 2)
    assert scores == pytest.approx([critical, -critical], rel=1e-5)


@pytest.mark.parametrize("table", TABLES)
def test_the_lift_interval_is_the_score_interval_of_the_ratio(table: tuple[int, int, int, int]) -> None:
    x1, n1, x2, n2 = table
    ours = compare_proportions(treatment=Proportion(x1, n1), control=Proportion(x2, n2)).relative_lift
    low, high = confint_proportions_2indep(x1, n1, x2, n2, method="score", compare="ratio", correction=False)
    assert ours is not None
    assert (ours.low + 1, ours.high + 1) == pytest.approx((low, high), rel=1e-8)


def test_the_difference_interval_lies_near_newcombes() -> None:
    ours = compare_proportions(treatment=Proportion(240, 20199), control=Proportion(170, 20366))
    newcombe = confint_proportions_2indep(240, 20199, 170, 20366, method="newcomb")
    assert (ours.difference.low, ours.difference.high) == pytest.approx(newcombe, abs=5e-6)


def random_tables(count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """x₁, n₁, x₂, n₂ of arms from 1 to 100,000 customers with rates from one in 10,000 to one."""
    generator = np.random.default_rng(5)
    n1, n2 = np.floor(10 ** generator.uniform(0, 5, (2, count))).astype(int)
    p1, p2 = 10 ** generator.uniform(-4, 0, (2, count))
    near = generator.random(count) < 0.5
    x1, x2 = generator.binomial(n1, p1), generator.binomial(n2, np.where(near, p1, p2))
    return x1, n1, x2, n2


def test_the_intervals_exclude_no_effect_exactly_when_the_test_rejects() -> None:
    x1, n1, x2, n2 = random_tables(4000)
    rejected = two_sided_p(pooled_z(x1=x1, n1=n1, x2=x2, n2=n2)) < 0.05
    low, high = difference_bounds(x1=x1, n1=n1, x2=x2, n2=n2)
    assert 500 < rejected.sum() < 3500
    assert (((low > 0) | (high < 0)) == rejected).all()


def test_the_ratio_interval_excludes_one_exactly_when_the_test_rejects() -> None:
    x1, n1, x2, n2 = (column[random_tables(4000)[2] > 0] for column in random_tables(4000))
    rejected = two_sided_p(pooled_z(x1=x1, n1=n1, x2=x2, n2=n2)) < 0.05
    low, high = ratio_bounds(x1=x1, n1=n1, x2=x2, n2=n2)
    assert (((low > 1) | (high < 1)) == rejected).all()


def test_swapping_the_arms_mirrors_the_interval() -> None:
    x1, n1, x2, n2 = random_tables(2000)
    low, high = difference_bounds(x1=x1, n1=n1, x2=x2, n2=n2)
    mirrored_low, mirrored_high = difference_bounds(x1=x2, n1=n2, x2=x1, n2=n1)
    assert low == pytest.approx(-mirrored_high, abs=1e-7)
    assert high == pytest.approx(-mirrored_low, abs=1e-7)


def test_the_vectorised_form_equals_the_single_one() -> None:
    x1, n1, x2, n2 = np.array(TABLES).T
    low, high = difference_bounds(x1=x1, n1=n1, x2=x2, n2=n2)
    singles = [
        compare_proportions(treatment=Proportion(a, b), control=Proportion(c, d)) for a, b, c, d in TABLES
    ]
    assert low.tolist() == [one.difference.low for one in singles]
    assert high.tolist() == [one.difference.high for one in singles]


def test_nobody_or_everybody_succeeding_is_no_difference() -> None:
    z = pooled_z(x1=[0, 50], n1=[50, 50], x2=[0, 80], n2=[80, 80])
    assert z.tolist() == [0.0, 0.0]
    assert two_sided_p(z).tolist() == [1.0, 1.0]


def test_a_control_without_successes_has_no_relative_lift() -> None:
    ours = compare_proportions(treatment=Proportion(5, 50), control=Proportion(0, 60))
    assert ours.relative_lift is None


def test_more_successes_than_trials_are_refused() -> None:
    with pytest.raises(ValueError, match="11 successes cannot come from 10 trials"):
        Proportion(11, 10)


def test_an_empty_arm_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one customer"):
        compare_proportions(treatment=Proportion(0, 0), control=Proportion(1, 10))
