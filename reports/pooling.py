"""One effect out of many experiments: random effects by DerSimonian and Laird. Pure functions."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import sqrt

Z = 1.959963984540054
"""Of a 95 % interval."""


@dataclass(frozen=True, slots=True)
class Pooled:
    """The mean effect with its 95 % interval, the spread of true effects (tau²), and how many experiments."""

    estimate: float
    low: float
    high: float
    tau_squared: float
    count: int


def pooled(effects: Sequence[float], variances: Sequence[float]) -> Pooled | None:
    """Return the mean of effects that may truly differ between experiments; None without any.

    w = 1/v, Q = Σw(y − ȳ)², τ² = max(0, (Q − (k − 1)) / (Σw − Σw²/Σw)); weights 1/(v + τ²), normal interval. Source:
    DerSimonian & Laird (1986), Controlled Clinical Trials 7, 177–188. An experiment without variance (nobody bought
    anything) tells nothing and is left out.
    """
    known = [(effect, variance) for effect, variance in zip(effects, variances, strict=True) if variance > 0]
    if not known:
        return None
    weights = [1 / variance for _, variance in known]
    mean = _mean([effect for effect, _ in known], weights)
    spread = sum(weight * (effect - mean) ** 2 for weight, (effect, _) in zip(weights, known, strict=True))
    scale = sum(weights) - sum(weight**2 for weight in weights) / sum(weights)
    tau_squared = max(0.0, (spread - (len(known) - 1)) / scale) if len(known) > 1 else 0.0
    weights = [1 / (variance + tau_squared) for _, variance in known]
    estimate, half = _mean([effect for effect, _ in known], weights), Z / sqrt(sum(weights))
    return Pooled(estimate, estimate - half, estimate + half, tau_squared, len(known))


def _mean(values: Sequence[float], weights: Sequence[float]) -> float:
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / sum(weights)
