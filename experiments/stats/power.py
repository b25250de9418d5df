"""Before the start: the customers needed, and the smallest effect that a given number can show."""

from math import ceil, sqrt

from scipy.special import ndtr, ndtri

from experiments.stats.arguments import positives, shares

_HALVINGS = 60


def proportion_sample_size(
    *,
    control_rate: float,
    treatment_rate: float,
    alpha: float = 0.05,
    power: float = 0.8,
    ratio: float = 1.0,
) -> tuple[int, int]:
    """Customers needed (treatment, control) for the two-sided pooled z-test; `ratio` is treatment / control.

    n₂ = (z_{α/2}√(p̄q̄(1+1/r)) + z_β√(p₁q₁/r + p₂q₂))² / (p₁−p₂)², p̄ = (r·p₁+p₂)/(1+r), n₁ = r·n₂. Source:
    Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions, ch. 4, uncorrected.
    """
    shares(alpha=alpha, power=power)
    if control_rate == treatment_rate:
        raise ValueError("equal rates cannot be told apart by any number of customers")
    null, alternative = _deviations(control_rate, treatment_rate, ratio)
    needed = (-ndtri(alpha / 2) * null + ndtri(power) * alternative) ** 2
    control = needed / (treatment_rate - control_rate) ** 2
    return ceil(ratio * control), ceil(control)


def proportion_power(
    *, control_rate: float, treatment_rate: float, n_treatment: int, n_control: int, alpha: float = 0.05
) -> float:
    """The chance that the two-sided pooled z-test finds this difference, both tails counted."""
    shares(alpha=alpha)
    positives(n_treatment=n_treatment, n_control=n_control)
    null, alternative = _deviations(control_rate, treatment_rate, n_treatment / n_control)
    critical = -ndtri(alpha / 2)
    shift = (treatment_rate - control_rate) * sqrt(n_control)
    if alternative == 0:
        return float(abs(shift) > critical * null)
    upper = ndtr((shift - critical * null) / alternative)
    return float(upper + ndtr((-shift - critical * null) / alternative))


def proportion_minimum_effect(
    *, control_rate: float, n_treatment: int, n_control: int, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """The smallest absolute gain found with the given power; None where even a rate of 1 is not."""
    shares(power=power)
    low, high = control_rate, 1.0
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        reached = proportion_power(
            control_rate=control_rate,
            treatment_rate=middle,
            n_treatment=n_treatment,
            n_control=n_control,
            alpha=alpha,
        )
        low, high = (low, middle) if reached >= power else (middle, high)
    return high - control_rate if high < 1.0 else None


def evan_miller_sample_size(
    *, control_rate: float, effect: float, alpha: float = 0.05, power: float = 0.8
) -> int:
    """Customers needed in each of two equal arms, as Evan Miller's calculator says; `effect` is absolute.

    (z_{α/2}√(2pq) + z_β√(pq + (p+δ)(1−p−δ)))²/δ², a rate above one half being read as its complement. It takes
    the control's variance for both arms under no effect, where Fleiss pools, and rounds to the nearest. Source:
    evanmiller.org/ab-testing/sample-size.html.
    """
    shares(alpha=alpha, power=power, control_rate=control_rate)
    rate = min(control_rate, 1 - control_rate)
    other = rate + effect
    if effect == 0 or not 0 <= other <= 1:
        raise ValueError(f"effect must not be 0 nor lead beyond 0 to 1, and {effect} does")
    null, alternative = sqrt(2 * rate * (1 - rate)), sqrt(rate * (1 - rate) + other * (1 - other))
    return round((-ndtri(alpha / 2) * null + ndtri(power) * alternative) ** 2 / effect**2)


def evan_miller_minimum_effect(
    *, control_rate: float, n: int, alpha: float = 0.05, power: float = 0.8
) -> float | None:
    """The smallest absolute effect for which his calculator asks for at most n customers an arm, or None."""
    positives(n=n)
    shares(control_rate=control_rate)
    low, high = 0.0, max(control_rate, 1 - control_rate)
    if _needed(control_rate, high, alpha, power) > n:
        return None
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        enough = _needed(control_rate, middle, alpha, power) <= n
        low, high = (low, middle) if enough else (middle, high)
    return high


def mean_sample_size(
    *, deviation: float, effect: float, alpha: float = 0.05, power: float = 0.8, ratio: float = 1.0
) -> tuple[int, int]:
    """Customers needed (treatment, control) to find this difference of means; `ratio` is treatment / control.

    n₂ = (z_{α/2} + z_β)²σ²(1 + 1/r)/δ², the normal approximation to the t-test. `deviation` is over all
    customers, those who spend nothing included.
    """
    shares(alpha=alpha, power=power)
    positives(ratio=ratio, deviation=deviation)
    if effect == 0:
        raise ValueError("effect must not be 0")
    needed = ((ndtri(power) - ndtri(alpha / 2)) * deviation / effect) ** 2 * (1 + 1 / ratio)
    return ceil(ratio * needed), ceil(needed)


def mean_power(
    *, deviation: float, effect: float, n_treatment: int, n_control: int, alpha: float = 0.05
) -> float:
    """The chance that the two-sided test finds this difference of means, both tails counted."""
    shares(alpha=alpha)
    positives(deviation=deviation)
    positives(n_treatment=n_treatment, n_control=n_control)
    shift = abs(effect) / (deviation * sqrt(1 / n_treatment + 1 / n_control))
    critical = -ndtri(alpha / 2)
    return float(ndtr(shift - critical) + ndtr(-shift - critical))


def mean_minimum_effect(
    *, deviation: float, n_treatment: int, n_control: int, alpha: float = 0.05, power: float = 0.8
) -> float:
    """The smallest difference of means found with the given power, in the unit of `deviation` (per customer).

    (z_{α/2} + z_β)·σ·√(1/n₁ + 1/n₂), the normal approximation to the t-test.
    """
    shares(alpha=alpha, power=power)
    positives(deviation=deviation)
    positives(n_treatment=n_treatment, n_control=n_control)
    scale = deviation * sqrt(1 / n_treatment + 1 / n_control)
    return float((-ndtri(alpha / 2) + ndtri(power)) * scale)


def _needed(control_rate: float, effect: float, alpha: float, power: float) -> int:
    return evan_miller_sample_size(control_rate=control_rate, effect=effect, alpha=alpha, power=power)


def _deviations(control_rate: float, treatment_rate: float, ratio: float) -> tuple[float, float]:
    """Standard deviation of √n₂·(p̂₁−p̂₂) with no difference (pooled) and with the assumed one."""
    if not (0 <= control_rate <= 1 and 0 <= treatment_rate <= 1) or ratio <= 0:
        raise ValueError("rates lie between 0 and 1 and the ratio of sizes is positive")
    pooled = (ratio * treatment_rate + control_rate) / (1 + ratio)
    null = pooled * (1 - pooled) * (1 + 1 / ratio)
    alternative = treatment_rate * (1 - treatment_rate) / ratio + control_rate * (1 - control_rate)
    return sqrt(null), sqrt(alternative)
