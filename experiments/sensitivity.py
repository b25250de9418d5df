"""What the numbers so far could show, and the chances of each arm: beside the verdict, never in its place."""

from collections.abc import Sequence

from experiments.outcomes import ArmOutcomes, Metric, Plan
from experiments.report import Chance, Comparison, Sensitivity
from experiments.stats.bayes import expected_loss, posterior, probability_best
from experiments.stats.power import (
    mean_minimum_effect,
    mean_power,
    proportion_minimum_effect,
    proportion_power,
)


def sensitivity(comparison: Comparison, *, plan: Plan) -> Sensitivity:
    """Return the smallest lift that this many customers would show, from the control's present rate, mean and spread.

    For a test judged once at the plan's alpha: several arms and several looks need some per cent more.
    """
    control = comparison.control_value
    if comparison.metric == "revenue":
        smallest, power = _of_means(comparison, plan)
    else:
        smallest, power = _of_rates(comparison, plan)
    lift = None if smallest is None or control <= 0 else smallest / control
    return Sensitivity(comparison=comparison, smallest_lift=lift, power=power)


def _of_rates(comparison: Comparison, plan: Plan) -> tuple[float | None, float | None]:
    control, effect = comparison.control_value, plan.smallest_effect
    sizes = {"n_treatment": comparison.treatment.assigned, "n_control": comparison.control.assigned}
    if not 0 < control < 1:
        return None, None
    smallest = proportion_minimum_effect(control_rate=control, power=plan.power, alpha=plan.alpha, **sizes)
    if effect is None:
        return smallest, None
    hoped = min(control * (1 + effect), 1.0)
    return smallest, proportion_power(control_rate=control, treatment_rate=hoped, alpha=plan.alpha, **sizes)


def _of_means(comparison: Comparison, plan: Plan) -> tuple[float | None, float | None]:
    control, effect = comparison.control_value, plan.smallest_effect
    deviation = comparison.control.spending.variance**0.5
    sizes = {"n_treatment": comparison.treatment.assigned, "n_control": comparison.control.assigned}
    if not deviation or control <= 0:
        return None, None
    smallest = mean_minimum_effect(deviation=deviation, power=plan.power, alpha=plan.alpha, **sizes)
    if effect is None:
        return smallest, None
    return smallest, mean_power(deviation=deviation, effect=control * effect, alpha=plan.alpha, **sizes)


def chances(arms: Sequence[ArmOutcomes], *, metric: Metric) -> tuple[Chance, ...]:
    """Return each mailed arm's chance to have the highest rate, and the rate that choosing it is expected to give away.

    From a uniform prior. Nothing for revenue, whose few large orders have no such simple law, nor for one arm alone.
    """
    mailed = [arm for arm in arms if arm.mailed and arm.is_compared and arm.assigned]
    if metric == "revenue" or len(mailed) < 2:
        return ()
    posteriors = [posterior(arm.successes(metric)) for arm in mailed]
    found = zip(mailed, probability_best(posteriors), expected_loss(posteriors), strict=True)
    return tuple(Chance(arm, best, loss) for arm, best, loss in found)
