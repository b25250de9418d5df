"""Sample ratio mismatch: did the arms come out in the proportions that were planned?"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import chdtrc, gammaln, xlogy

ALARM_BELOW = 0.001
MINIMUM_EXPECTED = 5.0
CONCENTRATION = 100.0
"""How many customers the prior of the sequential test weighs: of two equal arms, sizes that come out as 55 / 45 % are
an alarm from about 1,800 customers on, as 53 / 47 % from 5,100, and as 52 / 48 % from 11,800."""


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Pearson's χ² of observed arm sizes against the planned weights; `p_value` is its own, or a sequential test's.

    `checkable` is False where an arm is expected to hold fewer than 5 customers or there is one arm only;
    then there is never an alarm.
    """

    observed: tuple[int, ...]
    expected: tuple[float, ...]
    chi_square: float
    p_value: float
    checkable: bool

    @property
    def alarm(self) -> bool:
        """Whether the sizes are so unlikely (p < 0.001) that no result of the experiment may be read."""
        return self.checkable and self.p_value < ALARM_BELOW


def sample_ratio(*, observed: Sequence[int], weights: Sequence[float]) -> SampleRatio:
    """Test arm sizes against planned weights (any unit; all positive), k − 1 degrees of freedom.

    χ² = Σ (Oᵢ − Eᵢ)²/Eᵢ. Source: Fabijan et al. (2019), KDD, "Diagnosing sample ratio mismatch".
    """
    if len(observed) != len(weights) or not all(weight > 0 for weight in weights):
        raise ValueError("every arm needs one observed size and one positive weight")
    if not all(size >= 0 for size in observed):
        raise ValueError(f"observed must not be negative, not {list(observed)}")
    total, whole = sum(observed), sum(weights)
    expected = tuple(total * weight / whole for weight in weights)
    checkable = len(observed) > 1 and min(expected) >= MINIMUM_EXPECTED
    if not total or len(observed) < 2:
        return SampleRatio(tuple(observed), expected, 0.0, 1.0, False)
    chi_square = sum((seen - due) ** 2 / due for seen, due in zip(observed, expected, strict=True))
    p_value = float(chdtrc(len(observed) - 1, chi_square))
    return SampleRatio(tuple(observed), expected, chi_square, p_value, checkable)


def sequential_sample_ratio(*, observed: Sequence[int], weights: Sequence[float]) -> SampleRatio:
    """The same where customers keep coming and sizes are tested again and again: `p_value` holds at all times at once.

    p = min(1, 1/BF), with BF = Γ(K)/Γ(K + n) · Π Γ(K·θᵢ + nᵢ)/Γ(K·θᵢ) / Π θᵢ^nᵢ, the Bayes factor of a Dirichlet prior
    around the planned shares θ with concentration K = 100; the chance that it is ever below α is α at most (Ville).
    Source: Lindon and Malek (2022), NeurIPS, "Anytime-valid inference for multinomial count data".
    """
    fixed = sample_ratio(observed=observed, weights=weights)
    if not fixed.checkable:
        return fixed
    counts, shares = np.asarray(observed, float), np.asarray(weights, float) / sum(weights)
    prior = CONCENTRATION * shares
    log_factor = (
        gammaln(CONCENTRATION)
        - gammaln(CONCENTRATION + counts.sum())
        + float((gammaln(prior + counts) - gammaln(prior) - xlogy(counts, shares)).sum())
    )
    return replace(fixed, p_value=float(np.exp(-max(log_factor, 0.0))))
