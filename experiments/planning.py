"""Before the start: how many customers a plan needs, and which effect a given number of them can show.

What is planned is the comparison that the verdict will rest on: each arm that is tested against one control, on the
primary metric, at a level that is divided among the arms (the first step of Holm's procedure).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil

import numpy as np
from scipy.special import ndtri

from experiments.models import Experiment, Variant
from experiments.stats.anytime import anytime_critical, tuned_ratio
from experiments.stats.power import (
    mean_minimum_effect,
    mean_sample_size,
    proportion_minimum_effect,
    proportion_sample_size,
)
from experiments.stats.sequential import Spending, boundaries, inflation

Metric = Experiment.Metric
Method = Experiment.Method
Role = Variant.Role
OF_EVERYBODY = (Metric.CONVERSION, Metric.REVENUE)
"""What people without a mail can do too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What the control is expected to do: a rate, or the mean revenue per recipient with its deviation."""

    value: float
    deviation: float | None = None

    @property
    def is_known(self) -> bool:
        """Whether there is enough to plan with: a rate strictly between 0 and 1, or a mean that varies."""
        if self.deviation is None:
            return 0 < self.value < 1
        return self.value > 0 and self.deviation > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Who is compared with whom: weights in basis points of everybody; and how strictly, how often."""

    control: int
    treatments: tuple[int, ...]
    alpha: float
    power: float
    method: str
    looks: int

    @property
    def compared(self) -> int:
        """The weight of all arms that are compared."""
        return self.control + sum(self.treatments)

    @property
    def level(self) -> float:
        """The alpha of one arm's comparison."""
        return self.alpha / len(self.treatments)

    @property
    def inflation(self) -> float:
        """How many times the customers of a single look at the end this way of looking needs."""
        return inflation_of(method=self.method, looks=self.looks, alpha=self.level, power=self.power)


def comparison_of(experiment: Experiment, variants: Sequence[Variant]) -> Comparison | None:
    """Return what the verdict will compare; None where there is nothing to compare with.

    The control is the baseline; else who gets no mail, where they can do what is measured; else the first arm.
    """
    mailed = [one for one in variants if one.role == Role.TREATMENT]
    control = control_of(experiment.primary_metric, variants)
    treatments = tuple(one.weight for one in mailed if one is not control)
    if control is None or not treatments:
        return None
    return Comparison(
        control=control.weight,
        treatments=treatments,
        alpha=experiment.alpha,
        power=experiment.power,
        method=experiment.method,
        looks=experiment.looks,
    )


def control_of(metric: str, variants: Sequence[Variant]) -> Variant | None:
    """Return the arm that the others are compared with; None without arms."""
    by_role = {one.role: one for one in reversed(variants)}
    if Role.BASELINE in by_role:
        return by_role[Role.BASELINE]
    if Role.NO_MAIL in by_role and metric in OF_EVERYBODY:
        return by_role[Role.NO_MAIL]
    return by_role.get(Role.TREATMENT)


def customers_needed(comparison: Comparison, expected: Expectation, *, lift: float) -> int | None:
    """Return how many customers, over all compared arms, find this relative lift with the planned power.

    None where nothing is known, or where the lift would lead beyond a rate of 1. The smallest arm decides.
    """
    if not expected.is_known or lift <= 0:
        return None
    if expected.deviation is None and expected.value * (1 + lift) > 1:
        return None
    smallest = min(comparison.treatments)
    ratio = smallest / comparison.control
    if expected.deviation is None:
        treatment, control = proportion_sample_size(
            control_rate=expected.value,
            treatment_rate=expected.value * (1 + lift),
            alpha=comparison.level,
            power=comparison.power,
            ratio=ratio,
        )
    else:
        treatment, control = mean_sample_size(
            deviation=expected.deviation,
            effect=expected.value * lift,
            alpha=comparison.level,
            power=comparison.power,
            ratio=ratio,
        )
    per_weight = max(treatment / smallest, control / comparison.control)
    return ceil(comparison.inflation * per_weight * comparison.compared)


def smallest_lift(comparison: Comparison, expected: Expectation, *, customers: int) -> float | None:
    """Return the smallest relative lift that so many customers, over all compared arms, show with the planned power.

    None where nothing is known, or where no lift would be found.
    """
    effective = customers / comparison.inflation / comparison.compared
    treatment = int(effective * min(comparison.treatments))
    control = int(effective * comparison.control)
    if not expected.is_known or min(treatment, control) < 1:
        return None
    if expected.deviation is None:
        effect = proportion_minimum_effect(
            control_rate=expected.value,
            n_treatment=treatment,
            n_control=control,
            alpha=comparison.level,
            power=comparison.power,
        )
    else:
        effect = mean_minimum_effect(
            deviation=expected.deviation,
            n_treatment=treatment,
            n_control=control,
            alpha=comparison.level,
            power=comparison.power,
        )
    return None if effect is None else effect / expected.value


@lru_cache(maxsize=256)
def inflation_of(*, method: str, looks: int, alpha: float, power: float) -> float:
    """Return how many times the customers of a single look at the end a way of looking needs, for the same power.

    For planned looks, equally spaced, it is the R of Jennison & Turnbull (2000), tables 2.2 and 2.4, with boundaries by
    alpha spending. For `anytime` it is that of the last planned moment alone, where its interval is narrowest.
    """
    if method == Method.ANYTIME:
        critical = float(anytime_critical(ratio=tuned_ratio(alpha=alpha), alpha=alpha))
        return float(((critical + ndtri(power)) / (ndtri(power) - ndtri(alpha / 2))) ** 2)
    if method == Method.FIXED or looks == 1:
        return 1.0
    fractions = np.arange(1, looks + 1) / looks
    spending: Spending = "pocock" if method == Method.POCOCK else "obrien_fleming"
    bounds = boundaries(fractions, alpha=alpha, spending=spending)
    return inflation(fractions, bounds, alpha=alpha, power=power)
