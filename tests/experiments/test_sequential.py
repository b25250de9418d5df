"""Boundaries of planned looks, against published constants and an independent integration."""

import numpy as np
import pytest
from scipy import stats

from experiments.stats.sequential import (
    boundaries,
    crossing_probabilities,
    inflation,
    information_fraction,
    nominal_alpha,
    obrien_fleming_constant,
    pocock_constant,
    spent,
)

# Jennison & Turnbull (2000), tables 2.1 and 2.3: two-sided, 5 %, 2 to 10 looks.
POCOCK = [2.178, 2.289, 2.361, 2.413, 2.453, 2.485, 2.512, 2.535, 2.555]
OBRIEN_FLEMING = [1.977, 2.004, 2.024, 2.040, 2.053, 2.063, 2.072, 2.080, 2.087]
FIVE = np.arange(1, 6) / 5


@pytest.mark.parametrize(("looks", "published"), list(enumerate(POCOCK, start=2)))
def test_pococks_constant_is_the_published_one(looks: int, published: float) -> None:
    assert pocock_constant(looks) == pytest.approx(published, abs=6e-4)


@pytest.mark.parametrize(("looks", "published"), list(enumerate(OBRIEN_FLEMING, start=2)))
def test_obrien_and_flemings_constant_is_the_published_one(looks: int, published: float) -> None:
    assert obrien_fleming_constant(looks) == pytest.approx(published, abs=6e-4)


@pytest.mark.parametrize(("alpha", "pocock", "obrien_fleming"), [(0.01, 2.986, 2.621), (0.1, 2.122, 1.751)])
def test_five_looks_have_the_published_constants_at_other_levels(
    alpha: float, pocock: float, obrien_fleming: float
) -> None:
    assert pocock_constant(5, alpha=alpha) == pytest.approx(pocock, abs=6e-4)
    assert obrien_fleming_constant(5, alpha=alpha) == pytest.approx(obrien_fleming, abs=6e-4)


@pytest.mark.parametrize(
    ("spending", "published"),
    [
        ("obrien_fleming", [4.877, 3.357, 2.680, 2.290, 2.031]),
        ("pocock", [2.438, 2.427, 2.410, 2.397, 2.386]),
    ],
)
def test_five_equal_looks_spend_as_lan_and_demets_do(spending: str, published: list[float]) -> None:
    assert boundaries(FIVE, spending=spending) == pytest.approx(published, abs=6e-4)


def test_unequal_looks_spend_exactly_what_a_multivariate_normal_says() -> None:
    fractions = np.array([0.3, 0.45, 0.9])
    bounds = boundaries(fractions, final=True)
    ratio = np.sqrt(np.minimum.outer(fractions, fractions) / np.maximum.outer(fractions, fractions))
    inside = [
        stats.multivariate_normal(np.zeros(k), ratio[:k, :k], abseps=1e-9, maxpts=10**6).cdf(
            bounds[:k], lower_limit=-bounds[:k]
        )
        for k in (2, 3)
    ]
    assert 1 - inside[0] == pytest.approx(spent(0.45), abs=1e-6)
    assert 1 - inside[1] == pytest.approx(0.05, abs=2e-6)


def test_one_look_is_the_fixed_test() -> None:
    assert boundaries([1.0])[0] == pytest.approx(1.959964, abs=1e-6)
    assert boundaries([0.4], final=True)[0] == pytest.approx(1.959964, abs=1e-6)
    assert obrien_fleming_constant(1) == pytest.approx(pocock_constant(1), abs=1e-9)


def test_a_later_look_changes_no_earlier_boundary() -> None:
    assert boundaries([0.2, 0.5]).tolist() == boundaries([0.2, 0.5, 0.7])[:2].tolist()


def test_many_experiments_at_once_are_what_each_is_alone() -> None:
    fractions = np.cumsum(np.random.default_rng(1).uniform(0.1, 0.4, (6, 4)), axis=1)
    fractions[2, 1] = fractions[2, 0]
    fractions[3, 0] = 0.0
    together = boundaries(fractions, final=True)
    alone = np.array([boundaries(row, final=True) for row in fractions])
    assert together == pytest.approx(alone, abs=1e-9)


def test_all_alpha_is_spent_whatever_came_in() -> None:
    for fractions in ([0.1, 0.2, 0.25], [0.5, 0.6, 0.601], [0.4, 0.9, 1.7], [0.2, 0.2, 0.8]):
        bounds = boundaries(fractions, final=True)
        looks = np.isfinite(bounds)
        crossed = crossing_probabilities(np.array(fractions)[looks], bounds[looks]).sum()
        assert crossed == pytest.approx(0.05, abs=1e-3)


def test_a_look_without_news_or_after_everything_was_spent_stops_nothing() -> None:
    bounds = boundaries([0.0, 0.3, 0.3, 1.2, 1.5])
    assert np.isinf(bounds).tolist() == [True, False, True, False, True]


def test_the_power_at_the_designs_drift_is_the_published_inflation() -> None:
    bounds = obrien_fleming_constant(5) * np.sqrt(1 / FIVE)
    assert inflation(FIVE, bounds) == pytest.approx(1.028, abs=6e-4)
    assert inflation(FIVE, np.full(5, pocock_constant(5))) == pytest.approx(1.229, abs=1e-3)


def test_the_nominal_alpha_is_the_level_of_a_fixed_test() -> None:
    assert nominal_alpha([1.959964, np.inf]) == pytest.approx([0.05, 0.0], abs=1e-7)


@pytest.mark.parametrize("spending", ["obrien_fleming", "pocock"])
def test_spending_starts_with_nothing_and_ends_with_alpha(spending: str) -> None:
    assert spent([0.0, 1.0, 3.0], spending=spending) == pytest.approx([0.0, 0.05, 0.05], abs=1e-15)


def test_information_is_enrolment_where_mails_trickle_out() -> None:
    found = information_fraction(
        successes=[50, 250], trials=[1_000, 5_000], planned_successes=500, planned_trials=10_000
    )
    assert found == pytest.approx([0.1, 0.5], rel=1e-12)


def test_information_is_conversions_where_all_were_mailed_at_once() -> None:
    found = information_fraction(
        successes=[10, 50], trials=10_000, planned_successes=100, planned_trials=10_000
    )
    assert found == pytest.approx([0.1, 0.5], abs=0.006)


def test_everybody_converting_is_finite_information() -> None:
    found = information_fraction(successes=10, trials=10, planned_successes=5, planned_trials=10)
    assert np.isfinite(found)


@pytest.mark.parametrize("fractions", [[0.5, 0.4], [], [-0.1, 1], [0.5, float("nan")]])
def test_fractions_that_cannot_be_are_refused(fractions: list[float]) -> None:
    with pytest.raises(ValueError, match="fractions must"):
        boundaries(fractions)


@pytest.mark.parametrize("looks", [0, -1, 101])
def test_a_number_of_looks_that_cannot_be_is_refused(looks: int) -> None:
    with pytest.raises(ValueError, match="looks must lie between 1 and 100"):
        pocock_constant(looks)


def test_an_unknown_spending_is_refused() -> None:
    with pytest.raises(ValueError, match="spending must be obrien_fleming or pocock"):
        spent(0.5, spending="haybittle")
