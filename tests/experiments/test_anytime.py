"""p-values and intervals that may be looked at whenever one likes."""

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from experiments.stats.anytime import (
    always_valid_p,
    anytime_critical,
    confidence_sequence,
    msprt,
    tuned_ratio,
)


@pytest.mark.parametrize(
    ("estimate", "variance", "mixing"), [(0.4, 0.01, 0.04), (-1.2, 0.5, 0.3), (0.05, 0.2, 1.0)]
)
def test_the_likelihood_ratio_is_the_mixture_integrated_numerically(
    estimate: float, variance: float, mixing: float
) -> None:
    mixture, _ = quad(
        lambda effect: norm.pdf(estimate, effect, variance**0.5) * norm.pdf(effect, 0, mixing**0.5),
        -12, 12, points=[0, estimate], limit=200, epsabs=1e-13,
    )  # fmt: skip
    expected = min(1.0, norm.pdf(estimate, 0, variance**0.5) / mixture)
    found = msprt(estimate=estimate, variance=variance, mixing_variance=mixing).p_value
    assert found == pytest.approx(expected, rel=1e-7)


def test_the_interval_excludes_zero_exactly_when_p_is_below_alpha() -> None:
    for estimate in np.linspace(-1, 1, 81):
        found = msprt(estimate=float(estimate), variance=0.04, mixing_variance=0.1)
        assert found.interval.excludes(0) == (found.p_value < 0.05)


def test_the_critical_value_is_where_p_is_alpha() -> None:
    ratios = np.array([0.01, 1.0, 50.0])
    z = anytime_critical(ratio=ratios, alpha=0.02)
    assert always_valid_p(z=z, ratio=ratios) == pytest.approx([0.02] * 3, rel=1e-9)


def test_the_sequence_is_the_published_formula() -> None:
    n, tuned_to, deviation, alpha = 900, 2_000, 3.0, 0.05
    rho = (tuned_ratio(alpha=alpha) / tuned_to) ** 0.5
    half = (
        deviation * (2 * (n * rho**2 + 1) / (n**2 * rho**2) * np.log((n * rho**2 + 1) ** 0.5 / alpha)) ** 0.5
    )
    found = confidence_sequence(estimate=1.0, deviation=deviation, n=n, tuned_to=tuned_to, alpha=alpha)
    assert (found.low, found.high) == pytest.approx((1 - half, 1 + half), rel=1e-12)


@pytest.mark.parametrize("alpha", [0.2, 0.05, 0.001])
def test_no_other_tuning_is_narrower_at_its_own_moment(alpha: float) -> None:
    best = minimize_scalar(
        lambda ratio: float(anytime_critical(ratio=ratio, alpha=alpha)), bounds=(0.1, 100), method="bounded",
        options={"xatol": 1e-9},
    )  # fmt: skip
    assert tuned_ratio(alpha=alpha) == pytest.approx(best.x, rel=1e-4)


def test_the_price_of_looking_at_any_time_is_a_known_width() -> None:
    ratio = tuned_ratio(alpha=0.05)
    assert float(anytime_critical(ratio=ratio, alpha=0.05)) == pytest.approx((1 + ratio) ** 0.5, rel=1e-9)


def test_nothing_is_known_before_anything_happened() -> None:
    assert float(always_valid_p(z=0.0, ratio=0.0)) == 1.0
    assert float(anytime_critical(ratio=0.0)) == np.inf
    assert msprt(estimate=0.0, variance=0.0, mixing_variance=1.0).p_value == 1.0
    assert confidence_sequence(estimate=0.0, deviation=0.0, n=0, tuned_to=10).high == np.inf


def test_it_is_wider_than_an_interval_for_one_look_at_all_times() -> None:
    assert (anytime_critical(ratio=np.geomspace(1e-3, 1e6, 200)) > norm.isf(0.025)).all()


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"variance": -1.0}, "variance"),
        ({"mixing_variance": 0.0}, "mixing_variance"),
        ({"alpha": 1.0}, "alpha"),
        ({"variance": float("nan")}, "variance"),
    ],
)
def test_bad_input_is_refused_by_name(arguments: dict[str, float], named: str) -> None:
    given = {"estimate": 0.1, "variance": 1.0, "mixing_variance": 1.0} | arguments
    with pytest.raises(ValueError, match=f"^{named} must"):
        msprt(**given)


def test_a_negative_ratio_is_refused() -> None:
    with pytest.raises(ValueError, match="ratio must not be negative"):
        always_valid_p(z=1.0, ratio=-0.1)
