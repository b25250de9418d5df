"""Benjamini and Hochberg's procedure and Dunnett's test."""

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests

from experiments.stats.multiplicity import benjamini_hochberg, dunnett, dunnett_critical, holm

# The 15 p-values of Benjamini & Hochberg (1995), section 3.2 (thrombolysis).
PUBLISHED = [
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344,
    0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0000,
]  # fmt: skip


def test_the_published_example_rejects_four_where_holm_rejects_three() -> None:
    found = np.array(benjamini_hochberg(PUBLISHED))
    assert (found <= 0.05).sum() == 4
    assert (np.array(holm(PUBLISHED)) <= 0.05).sum() == 3


@pytest.mark.parametrize("raw", [PUBLISHED, [0.2], [0.04, 0.03, 0.01], [0.9, 0.001, 0.013, 0.001]])
def test_benjamini_hochberg_is_statsmodels(raw: list[float]) -> None:
    _, adjusted, _, _ = multipletests(raw, method="fdr_bh")
    assert benjamini_hochberg(raw) == pytest.approx(tuple(adjusted), rel=1e-12)


def test_no_test_gives_nothing() -> None:
    assert benjamini_hochberg([]) == ()


@pytest.mark.parametrize("raw", [[0.5, 1.1], [-0.1], [float("nan")]])
def test_what_is_no_p_value_is_refused(raw: list[float]) -> None:
    for procedure in (benjamini_hochberg, holm):
        with pytest.raises(ValueError, match="p_values must be numbers between 0 and 1"):
            procedure(raw)


# Dunnett (1964), Biometrics 20, 482–491, table 2 (two-sided, 5 %), and its limit for known variance.
@pytest.mark.parametrize(
    ("treatments", "freedom", "published"),
    [(1, None, 1.96), (2, None, 2.21), (3, None, 2.35), (4, None, 2.44), (5, None, 2.51), (9, None, 2.69),
     (2, 10, 2.57), (3, 20, 2.54), (5, 30, 2.66), (2, 60, 2.27)],
)  # fmt: skip
def test_the_critical_values_are_the_published_ones(
    treatments: int, freedom: float | None, published: float
) -> None:
    found = dunnett_critical(n_treatments=[50] * treatments, n_control=50, degrees_of_freedom=freedom)
    assert round(found, 2) == published


@pytest.mark.parametrize("sizes", [(400, 400, 400), (900, 300, 500), (100, 100, 2_000)])
def test_two_treatments_are_scipys_bivariate_normal(sizes: tuple[int, int, int]) -> None:
    first, second, control = sizes
    correlation = np.sqrt(first / (first + control) * second / (second + control))
    joint = stats.multivariate_normal([0, 0], [[1, correlation], [correlation, 1]], abseps=1e-10)
    inside = joint.cdf([2.3, 2.3], lower_limit=[-2.3, -2.3])
    found = dunnett([2.3, -1.0], n_treatments=[first, second], n_control=control)
    assert found[0] == pytest.approx(1 - inside, abs=1e-7)


def test_raw_values_give_what_scipys_dunnett_gives() -> None:
    generator = np.random.default_rng(2)
    control, *treated = (generator.normal(mean, 2, 40) for mean in (10, 10.9, 11.2, 10.1))
    theirs = stats.dunnett(*treated, control=control, rng=generator)
    ours = dunnett(list(theirs.statistic), n_treatments=[40] * 3, n_control=40, degrees_of_freedom=4 * 39)
    assert ours == pytest.approx(tuple(theirs.pvalue), abs=5e-4)


def test_one_treatment_is_the_plain_test() -> None:
    assert dunnett([2.0], n_treatments=[10], n_control=99) == pytest.approx((2 * stats.norm.sf(2),), rel=1e-9)
    with_t = dunnett([2.0], n_treatments=[10], n_control=99, degrees_of_freedom=7)
    assert with_t == pytest.approx((2 * stats.t.sf(2, 7),), rel=1e-6)


def test_the_critical_value_has_just_the_level_asked_for() -> None:
    limit = dunnett_critical(n_treatments=[90, 40, 50], n_control=120, alpha=0.01)
    assert dunnett([limit] * 3, n_treatments=[90, 40, 50], n_control=120)[0] == pytest.approx(0.01, abs=1e-9)


@pytest.mark.parametrize("sizes", [([10], 0), ([0], 10), ([10, 10], 10)])
def test_bad_sizes_are_refused(sizes: tuple[list[int], int]) -> None:
    with pytest.raises(ValueError, match="n_treatments"):
        dunnett([1.0], n_treatments=sizes[0], n_control=sizes[1])
