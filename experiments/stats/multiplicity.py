"""Several comparisons at once: Holm's procedure with the level at which each interval agrees with it,

Benjamini and Hochberg's false discovery rate, and Dunnett's test of several treatments against one control.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr

from experiments.stats.arguments import Floats, shares
from experiments.stats.arguments import p_values as checked

_FURTHEST = 40.0
_HALVINGS = 60


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's adjusted p-values in the given order; reject where one is below alpha.

    p̃₍ₖ₎ = max over j ≤ k of min(1, (m−j+1)·p₍ⱼ₎). Controls the family-wise error under any dependence.
    Source: Holm (1979), Scand. J. Stat. 6, 65–70.
    """
    values = checked("p_values", p_values)
    order = np.argsort(values, kind="stable")
    raw = values[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(raw), 1.0)
    return tuple(float(value) for value in adjusted)


def holm_levels(p_values: Sequence[float], *, alpha: float) -> tuple[float, ...]:
    """The alpha of each comparison's own interval, so that it excludes "no effect" exactly when Holm rejects.

    A rejected comparison of rank k was tested at alpha/(m−k+1); from the first one that is not rejected on,
    all share that step's level. Each interval covers with at least 1 − alpha; they are not simultaneous.
    """
    shares(alpha=alpha)
    count = len(checked("p_values", p_values))
    levels = [alpha] * count
    divisor, stopped = count, False
    for index in np.argsort(p_values, kind="stable"):
        levels[index] = alpha / divisor
        stopped = stopped or p_values[index] >= alpha / divisor
        divisor -= not stopped
    return tuple(levels)


def benjamini_hochberg(p_values: Sequence[float]) -> tuple[float, ...]:
    """Adjusted p-values in the given order; those at most q are found with a false discovery rate of q.

    p̃₍ₖ₎ = min over j ≥ k of min(1, p₍ⱼ₎·m/j), for independent or positively dependent tests. Source: Benjamini
    & Hochberg (1995), JRSS B 57, 289–300.
    """
    values = checked("p_values", p_values)
    order = np.argsort(values, kind="stable")
    raw = values[order] * len(values) / np.arange(1, len(values) + 1)
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0)
    return tuple(float(value) for value in adjusted)


def dunnett(
    statistics: Sequence[float],
    *,
    n_treatments: Sequence[int],
    n_control: int,
    degrees_of_freedom: float | None = None,
) -> tuple[float, ...]:
    """Two-sided adjusted p-values of each treatment's z (or t) against the same control, in the given order.

    P(max |Tᵢ| ≥ |tⱼ|) with corr(Tᵢ, Tⱼ) = λᵢλⱼ, λᵢ² = nᵢ/(nᵢ+n₀). `degrees_of_freedom` are those of the
    pooled variance; None for z statistics. Less strict than Holm where all comparisons are near, for it knows
    that they share the control. Source: Dunnett (1955), JASA 50, 1096–1121.
    """
    if len(statistics) != len(n_treatments):
        raise ValueError("n_treatments must hold one size for each of the statistics")
    loadings = _loadings(n_treatments, n_control)
    sizes = np.abs(np.asarray(statistics, dtype=np.float64))
    if np.isnan(sizes).any():
        raise ValueError("statistics must be numbers")
    return tuple(
        float(value) for value in _beyond(np.minimum(sizes, _FURTHEST), loadings, degrees_of_freedom)
    )


def dunnett_critical(
    *,
    n_treatments: Sequence[int],
    n_control: int,
    alpha: float = 0.05,
    degrees_of_freedom: float | None = None,
) -> float:
    """The critical |z| (or |t|) of `dunnett`: simultaneous intervals are estimate ± this many errors."""
    loadings = _loadings(n_treatments, n_control)
    shares(alpha=alpha)
    low, high = 0.0, _FURTHEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        too_often = _beyond(np.array([middle]), loadings, degrees_of_freedom)[0] > alpha
        low, high = (middle, high) if too_often else (low, middle)
    return high


def _loadings(n_treatments: Sequence[int], n_control: int) -> Floats:
    sizes = np.asarray(n_treatments, dtype=np.float64)
    if n_control <= 0 or not np.all(sizes > 0):
        raise ValueError("n_treatments and n_control must be positive")
    return np.sqrt(sizes / (sizes + n_control))


def _beyond(limits: ArrayLike, loadings: Floats, freedom: float | None) -> Floats:
    """P(max |Tᵢ| ≥ limit) for each limit: given the control's mean and the deviation the arms are independent."""
    scales, scale_weights = _deviations(freedom)
    means, mean_weights = _normal_nodes()
    reach = np.multiply.outer(np.asarray(limits, dtype=np.float64), scales)[:, :, None, None]
    centre, rest = means[:, None] * loadings, np.sqrt(1 - loadings**2)
    inside = ndtr((centre + reach) / rest) - ndtr((centre - reach) / rest)
    return np.asarray(np.clip(1 - inside.prod(axis=-1) @ mean_weights @ scale_weights, 0.0, 1.0))


@lru_cache(maxsize=1)
def _normal_nodes() -> tuple[Floats, Floats]:
    """Nodes and weights of a standard normal variable on ±8.5."""
    nodes, weights = np.polynomial.legendre.leggauss(160)
    at = 8.5 * nodes
    density = weights * np.exp(-(at**2) / 2)
    return at, density / density.sum()


@lru_cache(maxsize=64)
def _deviations(freedom: float | None) -> tuple[Floats, Floats]:
    """Nodes and weights of s = χ_ν/√ν, the estimated deviation over the true one; 1 where it is known."""
    if freedom is None:
        return np.ones(1), np.ones(1)
    if not freedom > 0:
        raise ValueError(f"degrees_of_freedom must be positive, not {freedom}")
    nodes, weights = np.polynomial.legendre.leggauss(96)
    half = 9 / np.sqrt(2 * freedom)
    low, high = max(1 - half, 0.0), 1 + half
    at = (low + high) / 2 + (high - low) / 2 * nodes
    log_density = (freedom - 1) * np.log(at) - freedom * at**2 / 2
    density = weights * np.exp(log_density - log_density.max())
    return at, density / density.sum()
