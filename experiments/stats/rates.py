"""Two rates by the textbook forms: Wald, log ratio and Newcombe; one rate exactly; several rates at once.

The product decides by `proportions` (pooled z with the intervals that agree). These are for checking it, for
plans and for tables too small for a normal approximation.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv, chdtrc, gammaln

from experiments.stats.arguments import Floats, counts, critical, shares
from experiments.stats.interval import Interval
from experiments.stats.proportions import Proportion

_TIE = 1 + 1e-7


@dataclass(frozen=True, slots=True)
class FisherTest:
    """Fisher's exact test: the sample odds ratio (∞ and NaN where zeros make it so) and the two-sided p."""

    odds_ratio: float
    p_value: float


@dataclass(frozen=True, slots=True)
class Omnibus:
    """Whether any of k rates differs: Pearson's χ² on k − 1 degrees of freedom."""

    chi_square: float
    degrees_of_freedom: int
    p_value: float


def unpooled_z(*, x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike) -> Floats:
    """(p₁ − p₂)/√(p₁q₁/n₁ + p₂q₂/n₂), element by element: 0 for no difference, ±∞ for one without variance."""
    one, size1, two, size2 = counts(x1=x1, n1=n1, x2=x2, n2=n2)
    difference = one / size1 - two / size2
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(difference == 0, 0.0, difference / _wald_error(one, size1, two, size2))


def wald_bounds(
    *, x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, alpha: float = 0.05
) -> tuple[Floats, Floats]:
    """The unpooled Wald interval of p₁ − p₂, element by element; too short with few successes or failures.

    p₁ − p₂ ± z√(p₁q₁/n₁ + p₂q₂/n₂). Source: Agresti (2013), Categorical Data Analysis, 3.1.1. Without any
    variance (0 or n of n in both arms) it has no width.
    """
    one, size1, two, size2 = counts(x1=x1, n1=n1, x2=x2, n2=n2)
    difference = one / size1 - two / size2
    half = critical(alpha) * _wald_error(one, size1, two, size2)
    return difference - half, difference + half


def newcombe_bounds(
    *, x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, alpha: float = 0.05
) -> tuple[Floats, Floats]:
    """Newcombe's hybrid score interval of p₁ − p₂ from the two Wilson intervals (l, u), element by element.

    d − √((p₁−l₁)² + (u₂−p₂)²) to d + √((u₁−p₁)² + (p₂−l₂)²). Source: Newcombe (1998), Stat. Med. 17,
    873–890, method 10. It has a width also where nobody or everybody succeeded.
    """
    one, size1, two, size2 = counts(x1=x1, n1=n1, x2=x2, n2=n2)
    rate1, rate2 = one / size1, two / size2
    low1, high1 = wilson_bounds(x=one, n=size1, alpha=alpha)
    low2, high2 = wilson_bounds(x=two, n=size2, alpha=alpha)
    difference = rate1 - rate2
    below = np.hypot(rate1 - low1, high2 - rate2)
    return difference - below, difference + np.hypot(high1 - rate1, rate2 - low2)


def wilson_bounds(*, x: ArrayLike, n: ArrayLike, alpha: float = 0.05) -> tuple[Floats, Floats]:
    """Wilson's score interval of many single rates; see `proportions.wilson`. Sizes must be positive."""
    successes, trials, _, _ = counts(x1=x, n1=n, x2=0, n2=1)
    z, rate = critical(alpha), successes / trials
    centre = rate + z**2 / (2 * trials)
    half = z * np.sqrt(rate * (1 - rate) / trials + z**2 / (4 * trials**2))
    scale = 1 + z**2 / trials
    low = np.where(successes == 0, 0.0, (centre - half) / scale)
    return low, np.where(successes == trials, 1.0, (centre + half) / scale)


def log_ratio_bounds(
    *, x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, alpha: float = 0.05
) -> tuple[Floats, Floats]:
    """Katz's interval of p₁/p₂ on the logarithm, element by element; take 1 off for the relative lift.

    exp(ln(p₁/p₂) ± z√(1/x₁ − 1/n₁ + 1/x₂ − 1/n₂)). Source: Katz et al. (1978), Biometrics 34, 469–474. Where an
    arm has no success the ratio may be anything: 0 to ∞.
    """
    one, size1, two, size2 = counts(x1=x1, n1=n1, x2=x2, n2=n2)
    some = (one > 0) & (two > 0)
    first, second = np.where(some, one, 1.0), np.where(some, two, 1.0)
    centre = np.log(first / size1) - np.log(second / size2)
    half = critical(alpha) * np.sqrt(np.maximum(1 / first - 1 / size1 + 1 / second - 1 / size2, 0.0))
    return np.where(some, np.exp(centre - half), 0.0), np.where(some, np.exp(centre + half), np.inf)


def clopper_pearson(*, sample: Proportion, alpha: float = 0.05) -> Interval:
    """The exact interval of one rate, never covering less than 1 − alpha; 0 to 1 with no trials.

    Beta quantiles B(α/2; x, n−x+1) to B(1−α/2; x+1, n−x). Source: Clopper & Pearson (1934), Biometrika 26,
    404–413. No success gives a lower bound of exactly 0, no failure an upper one of exactly 1.
    """
    shares(alpha=alpha)
    x, n = sample.successes, sample.trials
    low = 0.0 if x == 0 else float(betaincinv(x, n - x + 1, alpha / 2))
    high = 1.0 if x == n else float(betaincinv(x + 1, n - x, 1 - alpha / 2))
    return Interval(sample.rate, low, high, 1 - alpha)


def fisher(*, treatment: Proportion, control: Proportion) -> FisherTest:
    """Fisher's exact two-sided test of two rates, for tables too small for the z-test.

    p is the sum of the hypergeometric probabilities that do not exceed the observed table's. Source: Fisher
    (1935), JRSS 98, 39–82. An empty arm, or one outcome only, gives p = 1.
    """
    x1, n1, x2, n2 = treatment.successes, treatment.trials, control.successes, control.trials
    successes = x1 + x2
    support = np.arange(max(0, successes - n2), min(successes, n1) + 1, dtype=np.float64)
    weights = _log_choose(n1, support) + _log_choose(n2, successes - support)
    chances = np.exp(weights - weights.max())
    observed = chances[x1 - int(support[0])]
    p_value = float(chances[chances <= observed * _TIE].sum() / chances.sum())
    against, favour = (n1 - x1) * x2, x1 * (n2 - x2)
    odds = favour / against if against else (float("inf") if favour else float("nan"))
    return FisherTest(odds, min(p_value, 1.0))


def any_difference(samples: Sequence[Proportion]) -> Omnibus:
    """Pearson's χ² that all arms have one rate, without continuity correction.

    Σ (xᵢ − nᵢp̄)²/(nᵢp̄q̄), k − 1 degrees of freedom. Source: Pearson (1900), Phil. Mag. 50, 157–175. Where
    nobody or everybody succeeded nothing differs (p = 1). Raises ValueError for fewer than two arms or an
    empty one.
    """
    if len(samples) < 2 or any(not sample.trials for sample in samples):
        raise ValueError("samples must be two arms or more, each with at least one customer")
    x = np.array([sample.successes for sample in samples], dtype=np.float64)
    n = np.array([sample.trials for sample in samples], dtype=np.float64)
    pooled = x.sum() / n.sum()
    variance = pooled * (1 - pooled)
    chi_square = float((((x - n * pooled) ** 2) / n).sum() / variance) if variance > 0 else 0.0
    return Omnibus(chi_square, len(samples) - 1, float(chdtrc(len(samples) - 1, chi_square)))


def _wald_error(x1: Floats, n1: Floats, x2: Floats, n2: Floats) -> Floats:
    return np.sqrt(x1 * (n1 - x1) / n1**3 + x2 * (n2 - x2) / n2**3)


def _log_choose(n: float, k: Floats) -> Floats:
    return np.asarray(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1))
