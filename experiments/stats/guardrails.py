"""Did anything that must not get worse get worse? Non-inferiority of unsubscribes, complaints and the like."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtr, stdtr

from experiments.stats.arguments import positives
from experiments.stats.interval import Interval
from experiments.stats.means import MeanSample, compare_means
from experiments.stats.proportions import Proportion, difference_bounds, difference_score

State = Literal["holds", "broken", "open"]


@dataclass(frozen=True, slots=True)
class NonInferiority:
    """Whether the treatment is worse than the control by less than `margin`.

    `harm` is how much worse it is, with its two-sided interval at 1 − 2α: `holds` where all of it lies below
    the margin (p < α), `broken` where all of it lies at the margin or above, `open` where more data would tell.
    """

    margin: float
    harm: Interval
    p_value: float
    state: State


def non_inferior_rate(
    *,
    treatment: Proportion,
    control: Proportion,
    margin: float,
    alpha: float = 0.05,
    higher_is_worse: bool = True,
) -> NonInferiority:
    """One-sided score test that the treatment's rate is worse by `margin` (absolute, above 0) or more.

    z = (harm − margin)/σ̃, the variance at the maximum likelihood under harm = margin. Source: Farrington &
    Manning (1990), Stat. Med. 9, 1447–1454. Raises ValueError where an arm is empty.
    """
    _check(margin, alpha)
    if not treatment.trials or not control.trials:
        raise ValueError("treatment and control need at least one customer each")
    worse, other = (treatment, control) if higher_is_worse else (control, treatment)
    table = {"x1": worse.successes, "n1": worse.trials, "x2": other.successes, "n2": other.trials}
    p_value = float(ndtr(difference_score(delta=margin, **table)))
    low, high = difference_bounds(**table, alpha=2 * alpha)
    harm = Interval(worse.rate - other.rate, float(low), float(high), 1 - 2 * alpha)
    return _judged(margin, harm, p_value, alpha)


def non_inferior_mean(
    *,
    treatment: MeanSample,
    control: MeanSample,
    margin: float,
    alpha: float = 0.05,
    higher_is_worse: bool = False,
) -> NonInferiority:
    """One-sided Welch test that the treatment's mean is worse by `margin` (in its own unit, above 0) or more.

    Without any variance the means are taken as they are: p is 0 or 1. Raises ValueError where an arm has fewer
    than two customers.
    """
    _check(margin, alpha)
    worse, other = (treatment, control) if higher_is_worse else (control, treatment)
    compared = compare_means(treatment=worse, control=other, alpha=2 * alpha)
    harm = compared.difference
    error = np.sqrt(worse.variance / worse.n + other.variance / other.n)
    beyond = harm.estimate - margin
    p_value = float(stdtr(compared.degrees_of_freedom, beyond / error)) if error else float(beyond >= 0)
    return _judged(margin, harm, p_value, alpha)


def _check(margin: float, alpha: float) -> None:
    positives(margin=margin)
    if not 0 < alpha < 0.5:
        raise ValueError(f"alpha must lie between 0 and 0.5, not {alpha}")


def _judged(margin: float, harm: Interval, p_value: float, alpha: float) -> NonInferiority:
    state: State = "holds" if p_value < alpha else ("broken" if harm.low >= margin else "open")
    return NonInferiority(margin, harm, p_value, state)
