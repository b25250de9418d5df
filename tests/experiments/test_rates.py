"""Rates by the textbook forms, against statsmodels and scipy."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import (
    confint_proportions_2indep,
    proportion_confint,
    proportions_chisquare,
)
from statsmodels.stats.proportion import (
    test_proportions_2indep as statsmodels_test,
)

from experiments.stats.proportions import Proportion
from experiments.stats.rates import (
    any_difference,
    clopper_pearson,
    fisher,
    log_ratio_bounds,
    newcombe_bounds,
    unpooled_z,
    wald_bounds,
    wilson_bounds,
)

TABLES = [(240, 20199, 170, 20366), (7, 34, 1, 34), (56, 70, 48, 80), (30, 4000, 12, 500), (1, 900, 9, 1100)]
SMALL = [(8, 10, 1, 6), (0, 12, 5, 12), (3, 3, 0, 4), (1, 900, 9, 1100), (40, 80, 40, 80)]
EDGES = [(0, 10, 0, 10), (10, 10, 10, 10), (0, 10, 10, 10), (1, 1, 0, 1)]


@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize("table", TABLES)
def test_wald_is_statsmodels_wald(table: tuple[int, int, int, int], alpha: float) -> None:
    x1, n1, x2, n2 = table
    ours = wald_bounds(x1=x1, n1=n1, x2=x2, n2=n2, alpha=alpha)
    theirs = confint_proportions_2indep(x1, n1, x2, n2, method="wald", alpha=alpha)
    assert [float(bound) for bound in ours] == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize("table", TABLES)
def test_unpooled_z_is_statsmodels_wald_test(table: tuple[int, int, int, int]) -> None:
    x1, n1, x2, n2 = table
    theirs = statsmodels_test(x1, n1, x2, n2, method="wald").statistic
    assert float(unpooled_z(x1=x1, n1=n1, x2=x2, n2=n2)) == pytest.approx(theirs, rel=1e-12)


@pytest.mark.parametrize("alpha", [0.05, 0.01])
@pytest.mark.parametrize("table", TABLES)
def test_newcombe_is_statsmodels_newcombe(table: tuple[int, int, int, int], alpha: float) -> None:
    x1, n1, x2, n2 = table
    ours = newcombe_bounds(x1=x1, n1=n1, x2=x2, n2=n2, alpha=alpha)
    theirs = confint_proportions_2indep(x1, n1, x2, n2, method="newcomb", alpha=alpha)
    assert [float(bound) for bound in ours] == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize(
    ("table", "published"),
    [
        ((56, 70, 48, 80), (0.0524, 0.3339)),
        ((9, 10, 3, 10), (0.1705, 0.8090)),
        ((5, 56, 0, 29), (-0.0381, 0.1926)),
        ((0, 10, 0, 10), (-0.2775, 0.2775)),
        ((10, 10, 0, 20), (0.6791, 1.0)),
    ],
)
def test_newcombe_is_the_published_method_10(
    table: tuple[int, int, int, int], published: tuple[float, float]
) -> None:
    x1, n1, x2, n2 = table
    low, high = newcombe_bounds(x1=x1, n1=n1, x2=x2, n2=n2)
    assert (round(float(low), 4), round(float(high), 4)) == published


@pytest.mark.parametrize("table", TABLES)
def test_the_log_ratio_is_statsmodels(table: tuple[int, int, int, int]) -> None:
    x1, n1, x2, n2 = table
    ours = log_ratio_bounds(x1=x1, n1=n1, x2=x2, n2=n2)
    theirs = confint_proportions_2indep(x1, n1, x2, n2, method="log", compare="ratio")
    assert [float(bound) for bound in ours] == pytest.approx(theirs, rel=1e-10)


def test_a_ratio_without_successes_may_be_anything() -> None:
    low, high = log_ratio_bounds(x1=[0, 3], n1=[10, 10], x2=[3, 0], n2=[10, 10])
    assert (low.tolist(), high.tolist()) == ([0.0, 0.0], [np.inf, np.inf])


@pytest.mark.parametrize("successes", [0, 1, 3, 39, 40])
def test_clopper_pearson_is_statsmodels_beta(successes: int) -> None:
    ours = clopper_pearson(sample=Proportion(successes, 40), alpha=0.05)
    theirs = proportion_confint(successes, 40, alpha=0.05, method="beta")
    assert (ours.low, ours.high) == pytest.approx(theirs, abs=1e-12)


def test_clopper_pearson_of_no_trials_knows_nothing() -> None:
    ours = clopper_pearson(sample=Proportion(0, 0))
    assert (ours.low, ours.high) == (0.0, 1.0)


@pytest.mark.parametrize("table", SMALL + TABLES)
def test_fisher_is_scipys(table: tuple[int, int, int, int]) -> None:
    x1, n1, x2, n2 = table
    ours = fisher(treatment=Proportion(x1, n1), control=Proportion(x2, n2))
    theirs = stats.fisher_exact([[x1, n1 - x1], [x2, n2 - x2]])
    assert ours.odds_ratio == pytest.approx(theirs.statistic)
    assert ours.p_value == pytest.approx(theirs.pvalue, rel=1e-7)


def test_the_lady_tasting_tea_is_not_convincing() -> None:
    ours = fisher(treatment=Proportion(3, 4), control=Proportion(1, 4))
    assert ours.p_value == pytest.approx(34 / 70, rel=1e-12)


@pytest.mark.parametrize("arms", [(0, 10, 0, 10), (10, 10, 10, 10), (0, 0, 4, 10)])
def test_fisher_finds_nothing_where_there_is_nothing_to_find(arms: tuple[int, int, int, int]) -> None:
    x1, n1, x2, n2 = arms
    assert fisher(treatment=Proportion(x1, n1), control=Proportion(x2, n2)).p_value == 1.0


@pytest.mark.parametrize("arms", [[(30, 400), (50, 410)], [(30, 400), (50, 410), (44, 380), (20, 390)]])
def test_the_omnibus_is_statsmodels_chi_square(arms: list[tuple[int, int]]) -> None:
    x, n = zip(*arms, strict=True)
    ours = any_difference([Proportion(*arm) for arm in arms])
    chi_square, p_value, _ = proportions_chisquare(x, n)
    assert (ours.chi_square, ours.p_value) == pytest.approx((chi_square, p_value), rel=1e-10)
    assert ours.degrees_of_freedom == len(arms) - 1


@pytest.mark.parametrize("successes", [0, 10])
def test_the_omnibus_finds_nothing_where_all_did_the_same(successes: int) -> None:
    ours = any_difference([Proportion(successes, 10)] * 3)
    assert (ours.chi_square, ours.p_value) == (0.0, 1.0)


@pytest.mark.parametrize("table", EDGES)
def test_no_interval_is_left_undefined_by_zeros(table: tuple[int, int, int, int]) -> None:
    x1, n1, x2, n2 = table
    for bounds in (wald_bounds, newcombe_bounds, log_ratio_bounds):
        low, high = bounds(x1=x1, n1=n1, x2=x2, n2=n2)
        assert low <= high


def test_a_difference_without_variance_is_infinitely_many_errors_away() -> None:
    z = unpooled_z(x1=[0, 10, 0], n1=[10, 10, 10], x2=[0, 0, 10], n2=[10, 10, 10])
    assert z.tolist() == [0.0, np.inf, -np.inf]


def test_many_wilson_intervals_are_each_statsmodels() -> None:
    low, high = wilson_bounds(x=[0, 3, 40], n=40)
    theirs = [proportion_confint(x, 40, method="wilson") for x in (0, 3, 40)]
    assert np.column_stack([low, high]) == pytest.approx(np.array(theirs), abs=1e-12)


@pytest.mark.parametrize(
    ("table", "named"),
    [((11, 10, 0, 5), "x1"), ((1, 10, -1, 5), "x2"), ((0, 0, 1, 5), "n1"), ((1, 10, 0, 0), "n2")],
)
def test_an_impossible_table_is_refused_by_name(table: tuple[int, int, int, int], named: str) -> None:
    x1, n1, x2, n2 = table
    with pytest.raises(ValueError, match=f"^{named} must"):
        wald_bounds(x1=x1, n1=n1, x2=x2, n2=n2)


def test_one_arm_is_no_comparison() -> None:
    with pytest.raises(ValueError, match="samples must be two arms or more"):
        any_difference([Proportion(3, 10)])


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1, float("nan")])
def test_an_alpha_outside_0_to_1_is_refused_by_name(alpha: float) -> None:
    with pytest.raises(ValueError, match="alpha must lie between 0 and 1"):
        clopper_pearson(sample=Proportion(3, 10), alpha=alpha)
