"""Several treatments at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.multitest import multipletests

from experiments.stats.multiplicity import holm, holm_levels

p_values = st.lists(st.floats(0.0001, 1), min_size=1, max_size=7)


@pytest.mark.parametrize("raw", [[0.2], [0.04, 0.03, 0.01], [0.01, 0.02, 0.02, 0.5], [0.9, 0.001, 0.013]])
def test_holm_is_statsmodels_holm(raw: list[float]) -> None:
    _, adjusted, _, _ = multipletests(raw, method="holm")
    assert holm(raw) == pytest.approx(tuple(adjusted), rel=1e-12)


def test_one_comparison_is_left_alone() -> None:
    assert holm([0.03]) == (0.03,)
    assert holm_levels([0.03], alpha=0.05) == (0.05,)


def test_no_comparison_gives_nothing() -> None:
    assert (holm([]), holm_levels([], alpha=0.05)) == ((), ())


def test_levels_step_down_and_stop_at_the_first_that_is_not_rejected() -> None:
    assert holm_levels([0.04, 0.001, 0.029], alpha=0.06) == pytest.approx((0.06, 0.02, 0.03))
    assert holm_levels([0.2, 0.001, 0.04], alpha=0.05) == pytest.approx((0.025, 0.05 / 3, 0.025))


@given(p_values)
def test_a_comparisons_level_agrees_with_the_adjusted_decision(raw: list[float]) -> None:
    rejected = np.array(holm(raw)) < 0.05
    by_level = np.array(raw) < np.array(holm_levels(raw, alpha=0.05))
    assert rejected.tolist() == by_level.tolist()
