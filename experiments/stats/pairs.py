"""Two values of each customer: ratio metrics by the delta method, and CUPED with what was known before.

n, Σx, Σy, Σx², Σy² and Σxy over customers are enough; SQL does the counting.
"""

from dataclasses import dataclass
from functools import cached_property
from math import isfinite

from scipy.special import ndtr, stdtr, stdtrit

from experiments.stats.arguments import critical, shares
from experiments.stats.interval import Interval


@dataclass(frozen=True)
class PairedSums:
    """n customers with two values each: sums, sums of squares, and the sum of products.

    For a ratio `y` is the numerator and `x` the denominator (clicks per mail, revenue per order); for CUPED
    `y` is the outcome and `x` what the same customer did before the experiment.
    """

    n: int
    x: float
    y: float
    xx: float
    yy: float
    xy: float

    def __post_init__(self) -> None:
        slack = 1 - 1e-9
        if self.n < 2:
            raise ValueError(f"n must be two customers or more, not {self.n}")
        if not all(isfinite(value) for value in (self.x, self.y, self.xx, self.yy, self.xy)):
            raise ValueError("sums must be finite numbers")
        if self.n * self.xx < self.x**2 * slack or self.n * self.yy < self.y**2 * slack:
            raise ValueError(
                f"impossible sums: xx={self.xx} or yy={self.yy} is too small for {self.n} customers"
            )
        if self.xy**2 * slack > self.xx * self.yy:
            raise ValueError(f"impossible sums: xy={self.xy} is too large for xx={self.xx} and yy={self.yy}")

    @property
    def mean_x(self) -> float:
        """Mean of x over customers."""
        return self.x / self.n

    @property
    def mean_y(self) -> float:
        """Mean of y over customers."""
        return self.y / self.n

    @cached_property
    def variance_x(self) -> float:
        """Sample variance (n − 1) of x."""
        return max(self._moment(self.xx, self.x, self.x), 0.0)

    @cached_property
    def variance_y(self) -> float:
        """Sample variance (n − 1) of y."""
        return max(self._moment(self.yy, self.y, self.y), 0.0)

    @cached_property
    def covariance(self) -> float:
        """Sample covariance (n − 1) of x and y."""
        return self._moment(self.xy, self.x, self.y)

    def variance_of(self, *, slope: float) -> float:
        """Sample variance of y − slope·x."""
        return max(self.variance_y - 2 * slope * self.covariance + slope**2 * self.variance_x, 0.0)

    def _moment(self, products: float, one: float, two: float) -> float:
        return (self.n * products - one * two) / (self.n * (self.n - 1))


@dataclass(frozen=True, slots=True)
class RatioComparison:
    """Treatment against control on a ratio of sums: z, p, difference, and relative lift (None where unbounded)."""

    z: float
    p_value: float
    difference: Interval
    relative_lift: Interval | None


@dataclass(frozen=True, slots=True)
class CupedComparison:
    """Treatment against control after CUPED: `slope` is θ, `variance_kept` the share of variance left (0 to 1)."""

    slope: float
    variance_kept: float
    t: float
    degrees_of_freedom: float
    p_value: float
    difference: Interval


def ratio_of_sums(*, sample: PairedSums, alpha: float = 0.05) -> Interval:
    """Σy/Σx with its delta-method interval, the customer being the unit.

    Var(R) ≈ (s_y² − 2R·s_xy + R²s_x²)/(n·x̄²). Source: Deng, Knoblich & Lu (2018), KDD, "Applying the delta
    method in metric analytics". Raises ValueError where the denominators add up to nothing or less.
    """
    estimate, variance = _ratio(sample)
    half = critical(alpha) * variance**0.5
    return Interval(estimate, estimate - half, estimate + half, 1 - alpha)


def compare_ratios(*, treatment: PairedSums, control: PairedSums, alpha: float = 0.05) -> RatioComparison:
    """Difference of two ratios of sums by the delta method, and their relative lift by `relative_lift`.

    Without any variance z is 0 and p is 1 for equal ratios, z is infinite and p 0 for others.
    """
    (one, variance1), (two, variance2) = _ratio(treatment), _ratio(control)
    error, difference = (variance1 + variance2) ** 0.5, one - two
    z = difference / error if error else (0.0 if difference == 0 else float("inf") * difference)
    half = critical(alpha) * error
    lift = relative_lift(estimate1=one, variance1=variance1, estimate2=two, variance2=variance2, alpha=alpha)
    return RatioComparison(
        z,
        float(2 * ndtr(-abs(z))),
        Interval(difference, difference - half, difference + half, 1 - alpha),
        lift,
    )


def relative_lift(
    *, estimate1: float, variance1: float, estimate2: float, variance2: float, alpha: float = 0.05
) -> Interval | None:
    """estimate₁/estimate₂ − 1 of independent estimates with the variances of their errors, by the delta method.

    Var ≈ (v₁ + (e₁/e₂)²v₂)/e₂². Source: Deng, Knoblich & Lu (2018). None where the second estimate is not
    positive. Symmetric, unlike Fieller's interval, which the product shows for revenue.
    """
    if estimate2 <= 0:
        return None
    ratio = estimate1 / estimate2
    half = critical(alpha) * (variance1 + ratio**2 * variance2) ** 0.5 / estimate2
    return Interval(ratio - 1, ratio - 1 - half, ratio - 1 + half, 1 - alpha)


def cuped(*, treatment: PairedSums, control: PairedSums, alpha: float = 0.05) -> CupedComparison:
    """Welch's test on y − θ(x − x̄), x known before the start; θ is the slope pooled within the arms.

    θ = Σ(n−1)s_xy/Σ(n−1)s_x², the difference is (ȳ₁−ȳ₂) − θ(x̄₁−x̄₂). Source: Deng, Xu, Kohavi & Walker (2013),
    WSDM. Where x never varies θ is 0 and this is Welch's test. `x` must not be touched by the treatment.
    """
    shares(alpha=alpha)
    arms = (treatment, control)
    spread = sum((arm.n - 1) * arm.variance_x for arm in arms)
    slope = sum((arm.n - 1) * arm.covariance for arm in arms) / spread if spread else 0.0
    errors = [arm.variance_of(slope=slope) / arm.n for arm in arms]
    before = sum(arm.variance_y / arm.n for arm in arms)
    difference = treatment.mean_y - control.mean_y - slope * (treatment.mean_x - control.mean_x)
    t, freedom, p_value = _welch(difference, errors, [arm.n for arm in arms])
    half = float(-stdtrit(freedom, alpha / 2)) * sum(errors) ** 0.5
    return CupedComparison(
        slope=slope,
        variance_kept=sum(errors) / before if before else 1.0,
        t=t,
        degrees_of_freedom=freedom,
        p_value=p_value,
        difference=Interval(difference, difference - half, difference + half, 1 - alpha),
    )


def _ratio(sample: PairedSums) -> tuple[float, float]:
    if sample.x <= 0:
        raise ValueError(f"x must add up to a positive denominator, not {sample.x}")
    estimate = sample.y / sample.x
    return estimate, sample.variance_of(slope=estimate) / (sample.n * sample.mean_x**2)


def _welch(difference: float, errors: list[float], sizes: list[int]) -> tuple[float, float, float]:
    """t, its degrees of freedom and p; 0, 1 and 1 without any variance, as `means.welch` says."""
    squared = sum(errors)
    if not squared:
        return 0.0, 1.0, 1.0
    freedom = squared**2 / sum(error**2 / (n - 1) for error, n in zip(errors, sizes, strict=True))
    t = difference / squared**0.5
    return t, freedom, float(2 * stdtr(freedom, -abs(t)))
