"""Rates: the Wilson interval for one, the pooled z-test and its score intervals for two.

The pooled z-test decides. The intervals shown are those that invert the very same score test, so that a
difference is significant exactly when its interval excludes zero and the relative lift's interval does too.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr

from experiments.stats.arguments import Floats, counts
from experiments.stats.arguments import critical as _critical
from experiments.stats.interval import Interval

_HALVINGS = 54
_LOG_RATIO_LIMIT = 40.0


@dataclass(frozen=True, slots=True)
class Proportion:
    """`successes` among `trials` independent customers."""

    successes: int
    trials: int

    def __post_init__(self) -> None:
        if not 0 <= self.successes <= self.trials:
            raise ValueError(f"{self.successes} successes cannot come from {self.trials} trials")

    @property
    def rate(self) -> float:
        """Successes per trial; 0.0 where there was no trial."""
        return self.successes / self.trials if self.trials else 0.0


@dataclass(frozen=True, slots=True)
class ProportionComparison:
    """Treatment against control: the deciding test and the intervals that agree with it.

    `difference` is treatment rate − control rate; `relative_lift` is treatment rate / control rate − 1 and
    None where the control rate is zero.
    """

    treatment: Proportion
    control: Proportion
    z: float
    p_value: float
    difference: Interval
    relative_lift: Interval | None


def wilson(*, sample: Proportion, alpha: float = 0.05) -> Interval:
    """Wilson's score interval for a single rate.

    (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n). Source: Wilson (1927), JASA 22, 209–212. With no trials
    nothing is known: 0 to 1.
    """
    level = 1 - alpha
    if sample.trials == 0:
        return Interval(0.0, 0.0, 1.0, level)
    n, p, z = sample.trials, sample.rate, _critical(alpha)
    centre = p + z**2 / (2 * n)
    half = z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    scale = 1 + z**2 / n
    low = 0.0 if sample.successes == 0 else float((centre - half) / scale)
    high = 1.0 if sample.successes == n else float((centre + half) / scale)
    return Interval(p, low, high, level)


def pooled_z(*, x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike) -> Floats:
    """The two-proportion z statistic with pooled variance, element by element (its square is Pearson's χ²).

    (p₁ − p₂) / √(p̄(1−p̄)(1/n₁ + 1/n₂)), p̄ = (x₁+x₂)/(n₁+n₂). Zero where nobody or everybody succeeded.
    """
    x1, n1, x2, n2 = counts(x1=x1, n1=n1, x2=x2, n2=n2)
    pooled = (x1 + x2) / (n1 + n2)
    variance = pooled * (1 - pooled) * (1 / n1 + 1 / n2)
    return _ratio(x1 / n1 - x2 / n2, np.sqrt(np.maximum(variance, 0.0)))


def two_sided_p(z: ArrayLike) -> Floats:
    """The two-sided p-value of a standard normal statistic."""
    return np.asarray(2 * ndtr(-np.abs(np.asarray(z, dtype=np.float64))), dtype=np.float64)


def difference_bounds(
    *, x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, alpha: float = 0.05
) -> tuple[Floats, Floats]:
    """Score interval of p₁ − p₂, element by element: the δ that the score test does not reject.

    The score statistic takes its variance at the maximum likelihood under p₁ − p₂ = δ; at δ = 0 this is the
    pooled variance, so the interval excludes zero exactly when `pooled_z` rejects. Source: Mee (1984),
    Biometrics 40, 1175–1176; Miettinen & Nurminen (1985), Stat. Med. 4, 213–226, without their N/(N−1).
    """
    x1, n1, x2, n2 = counts(x1=x1, n1=n1, x2=x2, n2=n2)
    critical = _critical(alpha)
    observed = x1 / n1 - x2 / n2

    def exceeds(delta: Floats) -> NDArray[np.bool_]:
        return np.abs(_difference_score(delta, x1, n1, x2, n2)) > critical

    return _edges(observed=observed, furthest=1.0, exceeds=exceeds)


def difference_score(
    *, delta: ArrayLike, x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike
) -> Floats:
    """The score statistic of p₁ − p₂ = δ, element by element; `pooled_z` at δ = 0, positive for more than δ."""
    table = counts(x1=x1, n1=n1, x2=x2, n2=n2)
    shift, *arms = np.broadcast_arrays(np.asarray(delta, dtype=np.float64), *table)
    if not np.all(np.abs(shift) <= 1):
        raise ValueError("delta must lie between -1 and 1 everywhere")
    return _difference_score(shift, *arms)


def ratio_bounds(
    *, x1: ArrayLike, n1: ArrayLike, x2: ArrayLike, n2: ArrayLike, alpha: float = 0.05
) -> tuple[Floats, Floats]:
    """Score interval of p₁ / p₂, element by element; the control's successes x₂ must be positive.

    At a ratio of 1 the constrained variance is the pooled one, so the interval excludes 1 exactly when
    `pooled_z` rejects. Source: Koopman (1984), Biometrics 40, 513–517.
    """
    x1, n1, x2, n2 = counts(x1=x1, n1=n1, x2=x2, n2=n2)
    if np.any(x2 <= 0):
        raise ValueError("a ratio needs at least one success in the control arm")
    critical = _critical(alpha)
    observed = np.log(np.maximum((x1 / n1) / (x2 / n2), np.exp(-_LOG_RATIO_LIMIT)))

    def exceeds(log_ratio: Floats) -> NDArray[np.bool_]:
        return np.abs(_ratio_score(np.exp(log_ratio), x1, n1, x2, n2)) > critical

    low, high = _edges(observed=observed, furthest=_LOG_RATIO_LIMIT, exceeds=exceeds)
    return np.where(x1 == 0, 0.0, np.exp(low)), np.exp(high)


def compare_proportions(
    *, treatment: Proportion, control: Proportion, alpha: float = 0.05
) -> ProportionComparison:
    """Test treatment against control with the pooled z-test and give the intervals that agree with it.

    Raises ValueError where an arm is empty.
    """
    if not treatment.trials or not control.trials:
        raise ValueError("both arms need at least one customer")
    x1, n1, x2, n2 = treatment.successes, treatment.trials, control.successes, control.trials
    z = float(pooled_z(x1=x1, n1=n1, x2=x2, n2=n2))
    low, high = difference_bounds(x1=x1, n1=n1, x2=x2, n2=n2, alpha=alpha)
    difference = Interval(treatment.rate - control.rate, float(low), float(high), 1 - alpha)
    return ProportionComparison(
        treatment=treatment,
        control=control,
        z=z,
        p_value=float(two_sided_p(z)),
        difference=difference,
        relative_lift=_relative_lift(treatment, control, alpha),
    )


def _relative_lift(treatment: Proportion, control: Proportion, alpha: float) -> Interval | None:
    if control.successes == 0:
        return None
    low, high = ratio_bounds(
        x1=treatment.successes, n1=treatment.trials, x2=control.successes, n2=control.trials, alpha=alpha
    )
    return Interval(treatment.rate / control.rate - 1, float(low) - 1, float(high) - 1, 1 - alpha)


def _ratio(numerator: Floats, denominator: Floats) -> Floats:
    """numerator / denominator, ±∞ over zero, and 0 for 0/0."""
    with np.errstate(divide="ignore", invalid="ignore"):
        quotient = numerator / denominator
    return np.where(numerator == 0, 0.0, quotient)


def _edges(
    *, observed: Floats, furthest: float, exceeds: Callable[[Floats], NDArray[np.bool_]]
) -> tuple[Floats, Floats]:
    """Both ends of what the test accepts, bisected at once from −`furthest` and +`furthest` to the observed."""
    accepted = np.stack([observed, observed])
    rejected = np.stack([np.full_like(observed, -furthest), np.full_like(observed, furthest)])
    for _ in range(_HALVINGS):
        middle = (rejected + accepted) / 2
        beyond = exceeds(middle)
        rejected, accepted = np.where(beyond, middle, rejected), np.where(beyond, accepted, middle)
    return accepted[0], accepted[1]


def _difference_score(delta: Floats, x1: Floats, n1: Floats, x2: Floats, n2: Floats) -> Floats:
    p2 = _constrained_rate(delta, x1, n1, x2, n2)
    p1 = np.clip(p2 + delta, 0.0, 1.0)
    variance = p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2
    return _ratio(x1 / n1 - x2 / n2 - delta, np.sqrt(variance))


def _constrained_rate(delta: Floats, x1: Floats, n1: Floats, x2: Floats, n2: Floats) -> Floats:
    """The maximum-likelihood p₂ under p₁ = p₂ + δ: a root of a cubic, polished by Newton steps.

    Closed form: Farrington & Manning (1990), Stat. Med. 9, 1447–1454. Near δ = 0 with rare successes its
    arc cosine keeps only half the digits, hence the polish.
    """
    total, successes = n1 + n2, x1 + x2
    b = ((n1 + 2 * n2) * delta - total - successes) / total
    c = ((n2 * delta - total - 2 * x2) * delta + successes) / total
    d = x2 * delta * (1 - delta) / total
    q = (b / 3) ** 3 - b * c / 6 + d / 2
    size = np.copysign(np.sqrt(np.maximum((b / 3) ** 2 - c / 3, 0.0)), q)
    cosine = np.clip(_ratio(q, size**3), -1.0, 1.0)
    root = 2 * size * np.cos((np.pi + np.arccos(cosine)) / 3) - b / 3
    lowest, highest = np.maximum(0.0, -delta), np.minimum(1.0, 1 - delta)
    for _ in range(2):
        slope = (3 * root + 2 * b) * root + c
        step = _ratio(((root + b) * root + c) * root + d, slope)
        root = np.clip(np.where(np.isfinite(step), root - step, root), lowest, highest)
    return root


def _ratio_score(ratio: Floats, x1: Floats, n1: Floats, x2: Floats, n2: Floats) -> Floats:
    """The score statistic of p₁ = φ·p₂; the constrained p₂ is the smaller root of a quadratic."""
    a = (n1 + n2) * ratio
    b = -(n1 * ratio + x1 + n2 + x2 * ratio)
    c = x1 + x2
    p2 = 2 * c / (-b + np.sqrt(np.maximum(b * b - 4 * a * c, 0.0)))
    p1 = np.clip(p2 * ratio, 0.0, 1.0)
    variance = p1 * (1 - p1) / n1 + ratio**2 * p2 * (1 - p2) / n2
    return _ratio(x1 / n1 - ratio * x2 / n2, np.sqrt(np.maximum(variance, 0.0)))
