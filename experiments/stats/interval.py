"""An estimate with its confidence interval, the shape every estimator here returns."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Interval:
    """A point estimate and the confidence interval around it, all in the estimate's own unit.

    `level` is the confidence level, 0.95 for a 95 % interval.
    """

    estimate: float
    low: float
    high: float
    level: float

    def excludes(self, value: float) -> bool:
        """Whether `value` lies outside the interval."""
        return not self.low <= value <= self.high

    def scaled(self, factor: float) -> "Interval":
        """The same interval in another unit: each bound times a non-negative `factor`."""
        return Interval(self.estimate * factor, self.low * factor, self.high * factor, self.level)
