"""Looking whenever one likes: p-values and intervals that hold at all times at once.

One martingale carries both forms. With information I and the mixing variance τ², r = I·τ²: the likelihood ratio
of "some effect, drawn from N(0, τ²)" against "none" is Λ = (1+r)^−½·exp(z²r/(2(1+r))), and P(ever Λ ≥ 1/α) ≤ α
(Ville). Read with r = τ²/variance it is the mixture SPRT of Johari, Koomen, Pekelis & Walsh (2022), Operations
Research 70, 1806–1821; with r = nρ² the asymptotic confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy &
Ramdas (2024), Annals of Statistics 52, 2613–2640. The clock must be information, not time or mails: see
`sequential.information_fraction` for mails that are all sent at once.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import lambertw

from experiments.stats.arguments import Floats, positives, shares
from experiments.stats.interval import Interval


@dataclass(frozen=True, slots=True)
class AnytimeResult:
    """One look of a test that may be read at any time; `p_value` is of this look alone.

    The smallest p-value of all looks so far is valid too, and so is the intersection of their intervals.
    """

    p_value: float
    interval: Interval


def always_valid_p(*, z: ArrayLike, ratio: ArrayLike) -> Floats:
    """min(1, 1/Λ), element by element; `ratio` is r, the information in units of the mixing precision.

    Take the running minimum over an experiment's looks. Nothing is known (p = 1) at r = 0.
    """
    statistic, r = np.asarray(z, dtype=np.float64), _ratios(ratio)
    with np.errstate(over="ignore"):
        return np.asarray(np.minimum(np.sqrt(1 + r) * np.exp(-(statistic**2) * r / (2 * (1 + r))), 1.0))


def anytime_critical(*, ratio: ArrayLike, alpha: float = 0.05) -> Floats:
    """The |z| at which `always_valid_p` is alpha, so estimate ± this many errors; ∞ at r = 0.

    √((1+r)/r·(ln(1+r) − 2·ln α)). `sequential.nominal_alpha` of it is the alpha to give a comparison.
    """
    r = _ratios(ratio)
    shares(alpha=alpha)
    with np.errstate(divide="ignore"):
        return np.asarray(np.sqrt((1 + 1 / r) * (np.log1p(r) - 2 * np.log(alpha))))


def tuned_ratio(*, alpha: float = 0.05) -> float:
    """The r at which the interval is narrowest for its information.

    −W₋₁(−α²/e) − 1, about 8.2 at 0.05. Where the information planned is 1, r = this · the fraction
    there is. Source: Waudby-Smith et al. (2024), B.2; Howard et al. (2021), Annals of Statistics 49, 3.5.
    """
    shares(alpha=alpha)
    return float(-lambertw(-(alpha**2) / np.e, k=-1).real - 1)


def msprt(*, estimate: float, variance: float, mixing_variance: float, alpha: float = 0.05) -> AnytimeResult:
    """The mixture SPRT of "no effect" for an estimate with the variance of its error.

    `mixing_variance` τ² is the square of the effects expected, in the estimate's unit, fixed before the start.
    With a variance of 0 (nobody has acted) nothing is known: p = 1 and an unbounded interval.
    """
    positives(mixing_variance=mixing_variance)
    shares(alpha=alpha)
    if not (variance >= 0 and np.isfinite(variance)):
        raise ValueError(f"variance must be a number that is not negative, not {variance}")
    if variance == 0:
        return AnytimeResult(1.0, Interval(estimate, float("-inf"), float("inf"), 1 - alpha))
    ratio, error = mixing_variance / variance, variance**0.5
    half = float(anytime_critical(ratio=ratio, alpha=alpha)) * error
    p_value = float(always_valid_p(z=estimate / error, ratio=ratio))
    return AnytimeResult(p_value, Interval(estimate, estimate - half, estimate + half, 1 - alpha))


def confidence_sequence(
    *, estimate: float, deviation: float, n: int, tuned_to: int, alpha: float = 0.05
) -> Interval:
    """The asymptotic confidence sequence of a running mean of n values with this sample deviation.

    x̄ ± σ̂·√(2(nρ²+1)/(n²ρ²)·ln(√(nρ²+1)/α)), narrowest at n = `tuned_to`, fixed before the start. Unbounded
    with n = 0. For a difference of arms give its influence values: deviation = √(n · variance of its error).
    """
    positives(tuned_to=tuned_to)
    shares(alpha=alpha)
    if n < 0 or not deviation >= 0:
        raise ValueError(f"n and deviation must not be negative, not {n} and {deviation}")
    if n == 0:
        return Interval(estimate, float("-inf"), float("inf"), 1 - alpha)
    ratio = tuned_ratio(alpha=alpha) * n / tuned_to
    half = float(anytime_critical(ratio=ratio, alpha=alpha)) * deviation / n**0.5
    return Interval(estimate, estimate - half, estimate + half, 1 - alpha)


def _ratios(ratio: ArrayLike) -> Floats:
    values = np.asarray(ratio, dtype=np.float64)
    if not np.all(values >= 0):
        raise ValueError("ratio must not be negative")
    return values
