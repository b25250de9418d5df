"""How much of the planned information is there: the clock that repeated looks are read on.

Neither days nor mails are that clock. A mail sent to all at once makes information grow with the answers, while the
number of customers is complete from the first look on (see `stats.sequential.information_fraction`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.outcomes import ArmOutcomes, Metric
from experiments.stats.sequential import information_fraction

_LEAST = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Expectation:
    """What the plan was made with: a rate, or revenue's mean and deviation in minor units; None where unknown."""

    value: float | None
    deviation: float | None = None


def compared_arms(arms: Sequence[ArmOutcomes], *, metric: Metric) -> list[ArmOutcomes]:
    """The arms whose comparison decides: the mailed ones, where there is a baseline or only the mailed can do it.

    Else they are compared with `no_mail`, which counts too.
    """
    present = [arm for arm in arms if arm.is_compared and arm.assigned]
    are_mailed = metric in ("human_click", "human_open") or any(arm.role == "baseline" for arm in present)
    return [arm for arm in present if arm.mailed or not are_mailed]


def fraction(arms: Sequence[ArmOutcomes], *, metric: Metric, expected: Expectation, elapsed: float) -> float:
    """Return the share of the planned information, from the pooled outcomes of the arms whose comparison decides.

    For rates that is conversions over planned conversions, n·p/(1−p) to be exact, and for revenue the sum of squares
    about the mean over the planned variance; both from all customers assigned. It may exceed 1. Where the plan names no
    expectation it is `elapsed`, the share of the time from the start to the end of the last window, which spends too
    little early because answers to a mail come early.
    """
    deciding = compared_arms(arms, metric=metric)
    trials = sum(arm.assigned for arm in deciding)
    if not trials:
        return _LEAST
    if metric == "revenue":
        found = _of_revenue(deciding, trials, expected.deviation)
    else:
        found = _of_rate(deciding, trials, metric, expected.value)
    return max(elapsed if found is None else found, _LEAST)


def _of_rate(
    arms: Sequence[ArmOutcomes], trials: int, metric: Metric, expected: float | None
) -> float | None:
    if expected is None or not 0 < expected < 1:
        return None
    return float(
        information_fraction(
            successes=sum(arm.successes(metric).successes for arm in arms),
            trials=trials,
            planned_successes=expected * trials,
            planned_trials=trials,
        )
    )


def _of_revenue(arms: Sequence[ArmOutcomes], trials: int, deviation: float | None) -> float | None:
    if not deviation:
        return None
    squares = sum(arm.revenue_minor_squares for arm in arms)
    about_mean = squares - sum(arm.revenue_minor for arm in arms) ** 2 / trials
    return about_mean / (trials * deviation**2)
