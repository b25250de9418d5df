"""Intervals for the difference of two systems judged on the same users."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from .metrics import Values

RESAMPLES = 2000


@dataclass(frozen=True, slots=True)
class Difference:
    """Mean of (ours − theirs) over users, with the ends of its confidence interval."""

    mean: float
    low: float
    high: float
    confidence: float

    @property
    def verdict(self) -> str:
        """`better` or `worse` where the interval excludes zero, else `no difference shown`."""
        if self.low > 0:
            return "better"
        return "worse" if self.high < 0 else "no difference shown"

    def as_json(self) -> dict[str, float | str]:
        """The numbers and the verdict as plain values."""
        return {**asdict(self), "verdict": self.verdict}


def paired_difference(
    ours: Values, theirs: Values, *, confidence: float = 0.95, resamples: int = RESAMPLES, seed: int = 1
) -> Difference:
    """Percentile bootstrap over users of the mean difference (Efron and Tibshirani 1993, ch. 13).

    The pairs stay together: users differ far more among themselves than two systems do on one user.
    """
    differences = ours - theirs
    if not len(differences):
        return Difference(0.0, 0.0, 0.0, confidence)
    generator = np.random.default_rng(seed)
    count = len(differences)
    means = np.array([differences[generator.integers(0, count, count)].mean() for _ in range(resamples)])
    tail = (1 - confidence) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return Difference(
        round(float(differences.mean()), 6), round(float(low), 6), round(float(high), 6), confidence
    )
