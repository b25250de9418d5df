"""Several comparisons at once: Holm's procedure, and the level at which each interval agrees with it."""

from collections.abc import Sequence

import numpy as np


def holm(p_values: Sequence[float]) -> tuple[float, ...]:
    """Holm's adjusted p-values in the given order; reject where one is below alpha.

    p̃₍ₖ₎ = max over j ≤ k of min(1, (m−j+1)·p₍ⱼ₎). Controls the family-wise error under any dependence.
    Source: Holm (1979), Scand. J. Stat. 6, 65–70.
    """
    order = np.argsort(p_values, kind="stable")
    raw = np.asarray(p_values, dtype=np.float64)[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(raw), 1.0)
    return tuple(float(value) for value in adjusted)


def holm_levels(p_values: Sequence[float], *, alpha: float) -> tuple[float, ...]:
    """The alpha of each comparison's own interval, so that it excludes "no effect" exactly when Holm rejects.

    A rejected comparison of rank k was tested at alpha/(m−k+1); from the first one that is not rejected on,
    all share that step's level. Each interval covers with at least 1 − alpha; they are not simultaneous.
    """
    count = len(p_values)
    levels = [alpha] * count
    divisor, stopped = count, False
    for index in np.argsort(p_values, kind="stable"):
        levels[index] = alpha / divisor
        stopped = stopped or p_values[index] >= alpha / divisor
        divisor -= not stopped
    return tuple(levels)
