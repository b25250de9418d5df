"""One arm of an imported experiment against another."""

from dataclasses import dataclass

from experiments.importing.arms import ImportedArm
from experiments.importing.mapping import ImportedMetric
from experiments.stats.interval import Interval


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjusted:
    """The difference after CUPED, and the share of its variance that what was known before took away."""

    difference: Interval
    p_value: float
    variance_saved: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedComparison:
    """One arm against another on one metric, per customer: shares, minor units, or the number itself.

    `incremental` is the difference times the first arm's customers. `alpha` is the level that Holm's procedure left
    for the intervals. `findable` is the smallest difference that arms of these sizes show with a chance of 80 %.
    `not_judged` says why no decision is made, empty where one is.
    """

    metric: ImportedMetric
    treatment: ImportedArm
    control: ImportedArm
    difference: Interval
    relative_lift: Interval | None
    incremental: Interval
    p_value: float
    adjusted_p_value: float
    alpha: float
    findable: float | None
    adjusted: Adjusted | None
    not_judged: str
    sentence: str = ""

    @property
    def significant(self) -> bool:
        """Whether chance is ruled out at the level that Holm's procedure left, and there is enough to say so."""
        return not self.not_judged and self.p_value < self.alpha
