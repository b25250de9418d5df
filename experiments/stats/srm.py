"""Sample ratio mismatch: did the arms come out in the proportions that were planned?"""

from collections.abc import Sequence
from dataclasses import dataclass

from scipy.special import chdtrc

ALARM_BELOW = 0.001
MINIMUM_EXPECTED = 5.0


@dataclass(frozen=True, slots=True)
class SampleRatio:
    """Pearson's χ² of observed arm sizes against the planned weights.

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
