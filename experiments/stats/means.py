"""Means per customer from sufficient statistics: Welch's t, its interval, and the relative lift that agrees.

Zeros count: a customer without an order is one with revenue 0. n, Σx and Σx² over *customers* are enough.
"""

from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import stdtr, stdtrit

from experiments.stats.arguments import Floats, shares
from experiments.stats.interval import Interval


@dataclass(frozen=True, slots=True)
class MeanSample:
    """n customers, the sum of their values and the sum of their squared values (exact for integers)."""

    n: int
    total: float
    total_squares: float

    def __post_init__(self) -> None:
        known = isfinite(self.total) and isfinite(self.total_squares)
        if not known or self.n < 0 or self.n * self.total_squares < self.total**2 * (1 - 1e-9):
            raise ValueError(f"impossible sums: n={self.n}, Σx={self.total}, Σx²={self.total_squares}")

    @property
    def mean(self) -> float:
        """Value per customer; 0.0 where there is no customer."""
        return self.total / self.n if self.n else 0.0

    @property
    def variance(self) -> float:
        """Sample variance (n − 1); one division at the end, so integer sums lose nothing to cancellation."""
        if self.n < 2:
            return 0.0
        return max((self.n * self.total_squares - self.total**2) / (self.n * (self.n - 1)), 0.0)


@dataclass(frozen=True, slots=True)
class MeanComparison:
    """Treatment against control: Welch's test, difference of means, and relative lift (None if unbounded)."""

    treatment: MeanSample
    control: MeanSample
    t: float
    degrees_of_freedom: float
    p_value: float
    difference: Interval
    relative_lift: Interval | None


def welch(
    *,
    mean1: ArrayLike,
    variance1: ArrayLike,
    n1: ArrayLike,
    mean2: ArrayLike,
    variance2: ArrayLike,
    n2: ArrayLike,
) -> tuple[Floats, Floats, Floats]:
    """Welch's t, its degrees of freedom (Welch–Satterthwaite) and two-sided p-value, element by element.

    t = (x̄₁ − x̄₂)/√(s₁²/n₁ + s₂²/n₂). Source: Welch (1947), Biometrika 34, 28–35. Without any variance
    t is 0 and p is 1. Raises ValueError for a size under 2 or a negative variance.
    """
    for arm, size, variance in (("1", n1, variance1), ("2", n2, variance2)):
        if not np.all(np.asarray(size) >= 2):
            raise ValueError(f"n{arm} must be 2 or more everywhere")
        if not np.all(np.asarray(variance) >= 0):
            raise ValueError(f"variance{arm} must not be negative")
    error1 = np.asarray(variance1, dtype=np.float64) / np.asarray(n1, dtype=np.float64)
    error2 = np.asarray(variance2, dtype=np.float64) / np.asarray(n2, dtype=np.float64)
    squared = error1 + error2
    with np.errstate(divide="ignore", invalid="ignore"):
        t = (np.asarray(mean1, dtype=np.float64) - np.asarray(mean2, dtype=np.float64)) / np.sqrt(squared)
        freedom = squared**2 / (error1**2 / (np.asarray(n1) - 1) + error2**2 / (np.asarray(n2) - 1))
    t, freedom = np.where(squared > 0, t, 0.0), np.where(squared > 0, freedom, 1.0)
    return t, freedom, np.where(squared > 0, 2 * stdtr(freedom, -np.abs(t)), 1.0)


def mean_interval(*, sample: MeanSample, alpha: float = 0.05) -> Interval:
    """Student's t interval for one mean; degenerate where there are fewer than two customers."""
    if sample.n < 2:
        return Interval(sample.mean, sample.mean, sample.mean, 1 - alpha)
    half = _critical(sample.n - 1, alpha) * (sample.variance / sample.n) ** 0.5
    return Interval(sample.mean, sample.mean - half, sample.mean + half, 1 - alpha)


def compare_means(*, treatment: MeanSample, control: MeanSample, alpha: float = 0.05) -> MeanComparison:
    """Welch's t-test of treatment against control with the intervals that agree with it.

    Raises ValueError where an arm has fewer than two customers.
    """
    if min(treatment.n, control.n) < 2:
        raise ValueError("both arms need at least two customers")
    t, freedom, p_value = welch(
        mean1=treatment.mean,
        variance1=treatment.variance,
        n1=treatment.n,
        mean2=control.mean,
        variance2=control.variance,
        n2=control.n,
    )
    error = (treatment.variance / treatment.n + control.variance / control.n) ** 0.5
    half = _critical(float(freedom), alpha) * error
    estimate = treatment.mean - control.mean
    return MeanComparison(
        treatment=treatment,
        control=control,
        t=float(t),
        degrees_of_freedom=float(freedom),
        p_value=float(p_value),
        difference=Interval(estimate, estimate - half, estimate + half, 1 - alpha),
        relative_lift=_fieller(treatment, control, float(freedom), alpha),
    )


def _fieller(treatment: MeanSample, control: MeanSample, freedom: float, alpha: float) -> Interval | None:
    """Fieller's interval of mean ratio − 1 with Welch's degrees of freedom; None where it is unbounded.

    All ρ with (x̄₁ − ρx̄₂)² ≤ t²(s₁²/n₁ + ρ²s₂²/n₂); ρ = 1 is excluded exactly when Welch's test rejects.
    Source: Fieller (1954), JRSS B 16, 175–185.
    """
    squared = _critical(freedom, alpha) ** 2
    a = control.mean**2 - squared * control.variance / control.n
    if control.mean <= 0 or a <= 0:
        return None
    b = treatment.mean * control.mean
    c = treatment.mean**2 - squared * treatment.variance / treatment.n
    root = max(b * b - a * c, 0.0) ** 0.5
    return Interval(treatment.mean / control.mean - 1, (b - root) / a - 1, (b + root) / a - 1, 1 - alpha)


def _critical(freedom: float, alpha: float) -> float:
    shares(alpha=alpha)
    return float(-stdtrit(freedom, alpha / 2))
