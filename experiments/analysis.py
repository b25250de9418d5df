"""From outcomes to a report: who may be compared with whom, on what, and what follows from it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import combinations

from experiments.looking import ONCE, Anytime, Looking
from experiments.outcomes import ArmOutcomes, Metric, Plan
from experiments.report import ArmReport, Comparison, ExperimentReport, Guardrail, Holdout
from experiments.sensitivity import chances, sensitivity
from experiments.stats.guardrails import non_inferior_rate
from experiments.stats.interval import Interval
from experiments.stats.means import MeanComparison, compare_means, mean_interval
from experiments.stats.multiplicity import holm, holm_levels
from experiments.stats.pairs import CupedComparison, cuped
from experiments.stats.proportions import (
    ProportionComparison,
    compare_proportions,
    pooled_z,
    two_sided_p,
    wilson,
)
from experiments.stats.revenue import minimum_buyers
from experiments.stats.srm import SampleRatio, sample_ratio
from experiments.verdict import Mismatch, better_ones, decide, mismatch_of
from experiments.wording import (
    DID,
    OPENS_WARNING,
    UNCHECKED,
    finding,
    guardrail_finding,
    headline,
    label,
    sending_warnings,
)

HOLDOUTS: tuple[Holdout, ...] = ("baseline", "no_mail")
BETWEEN_MAILS: tuple[Holdout, ...] = ("baseline", "first_arm")
MINIMUM_EXPECTED = 5.0


def analyse(
    *, plan: Plan, arms: Sequence[ArmOutcomes], assigned: SampleRatio | None = None
) -> ExperimentReport:
    """Compare treatments with the baseline (clicks, conversion, revenue) and mailed arms with `no_mail`.

    Everything is counted over the customers assigned. Clicks and openings are never compared with `no_mail`; openings
    only where they were chosen to decide. Who waits for the winner takes no part. Within one holdout and metric Holm's
    procedure keeps the chance of any false finding below `plan.alpha`; on the metric that decides it does so over all
    looks (`plan.looking`), the others are judged once, when the window is closed. Several that win are a family of
    their own, tested among themselves: the best of them is named only where it is shown to be. `assigned` are the
    sizes that are held against the plan where more were assigned than are compared (their windows are open).
    """
    arms = [arm for arm in arms if arm.is_compared]
    assigned_ratio, delivered_ratio = _ratios(arms)
    assigned_ratio = assigned or assigned_ratio
    mismatch = mismatch_of(plan=plan, assigned=assigned_ratio, delivered=delivered_ratio)
    families = _families(arms, plan.primary_metric)
    decisive = _decisive(families, plan.primary_metric)
    compared = [
        _compare_family(
            plan=plan,
            family=family,
            looking=plan.looking if family in decisive else ONCE,
            blocked=_blocked(plan, mismatch, is_deciding=family in decisive),
        )
        for family in families
    ]
    comparisons = tuple(one for family in compared for one in family)
    deciding = tuple(
        one for family, found in zip(families, compared, strict=True) if family in decisive for one in found
    )
    guardrails = _guardrails(plan, arms)
    return ExperimentReport(
        plan=plan,
        arms=tuple(_arm_report(arm) for arm in arms),
        comparisons=comparisons,
        assigned_ratio=assigned_ratio,
        delivered_ratio=delivered_ratio,
        guardrails=guardrails,
        headlines=tuple(
            headline(one, currency=plan.currency, window_days=plan.conversion_window_days)
            for one in comparisons
            if one.metric == "revenue"
        ),
        warnings=(*sending_warnings(plan), *_warnings(plan, arms, guardrails, assigned_ratio)),
        verdict=decide(
            plan=plan,
            deciding=deciding,
            mismatch=mismatch,
            guardrails=guardrails,
            told_apart=_told_apart(plan, better_ones(deciding)),
        ),
        deciding=deciding,
        sensitivity=tuple(sensitivity(one, plan=plan) for one in deciding),
        chances=chances(arms, metric=plan.primary_metric),
    )


def compared_pairs(
    *, plan: Plan, arms: Sequence[ArmOutcomes]
) -> list[tuple[ArmOutcomes, ArmOutcomes, Interval]]:
    """The pairs that the verdict looks at: treatment, control and difference at `plan.looking`; nothing is decided."""
    decisive = _decisive(
        _families([arm for arm in arms if arm.is_compared], plan.primary_metric), plan.primary_metric
    )
    return [
        (pair.treatment, pair.control, pair.test(plan.looking.level(plan.alpha / len(family))).difference)
        for family in decisive
        for pair in family
    ]


@dataclass(frozen=True, slots=True)
class _Pair:
    """One treatment against one holdout on one metric, not tested yet."""

    metric: Metric
    holdout: Holdout
    treatment: ArmOutcomes
    control: ArmOutcomes

    def test(self, alpha: float) -> ProportionComparison | MeanComparison:
        if self.metric == "revenue":
            return compare_means(
                treatment=self.treatment.spending, control=self.control.spending, alpha=alpha
            )
        treatment, control = (arm.successes(self.metric) for arm in (self.treatment, self.control))
        return compare_proportions(treatment=treatment, control=control, alpha=alpha)

    def with_less_noise(self, alpha: float) -> CupedComparison | None:
        """The same difference after what both arms' customers had spent before; None where nothing is known of it."""
        if self.metric not in ("conversion", "revenue"):
            return None
        if not (self.treatment.prior.minor_squares and self.control.prior.minor_squares):
            return None
        treatment, control = (arm.with_prior(self.metric) for arm in (self.treatment, self.control))
        return cuped(treatment=treatment, control=control, alpha=alpha)

    def p_value(self) -> float:
        """The raw p-value, without the work that an interval is."""
        if self.metric == "revenue":
            return compare_means(treatment=self.treatment.spending, control=self.control.spending).p_value
        one, two = (arm.successes(self.metric) for arm in (self.treatment, self.control))
        return float(two_sided_p(pooled_z(x1=one.successes, n1=one.trials, x2=two.successes, n2=two.trials)))

    def values(self) -> tuple[float, float]:
        if self.metric == "revenue":
            return self.treatment.spending.mean, self.control.spending.mean
        return self.treatment.successes(self.metric).rate, self.control.successes(self.metric).rate

    def too_few(self) -> str:
        """Why there is too little data for the test, empty where there is enough."""
        if self.metric == "revenue":
            return _too_few_buyers(self.treatment, self.control)
        treatment, control = (arm.successes(self.metric) for arm in (self.treatment, self.control))
        total = treatment.trials + control.trials
        successes = treatment.successes + control.successes
        rarest = min(successes, total - successes) * min(treatment.trials, control.trials) / total
        if rarest >= MINIMUM_EXPECTED:
            return ""
        return f"only {successes:,} of {total:,} customers {DID[self.metric]}, too few for the test to hold."


def _metrics(holdout: Holdout, primary: Metric) -> tuple[Metric, ...]:
    """What is compared with a holdout: who got no mail can neither click nor open."""
    if holdout == "no_mail":
        return "conversion", "revenue"
    opens: tuple[Metric, ...] = ("human_open",) if primary == "human_open" else ()
    return *opens, "human_click", "conversion", "revenue"


def _families(arms: Sequence[ArmOutcomes], primary: Metric) -> list[list[_Pair]]:
    """The comparisons that are tested together: those of one control on one metric.

    Arms of fewer than two customers are left out. The baseline is a mailed arm: it too is held against
    `no_mail`.
    """
    present = [arm for arm in arms if arm.assigned >= 2]
    families = []
    for holdout, control in _controls(present, primary):
        if mailed := [arm for arm in present if arm.mailed and arm is not control]:
            for metric in _metrics(holdout, primary):
                families.append([_Pair(metric, holdout, treatment, control) for treatment in mailed])
    return families


def _controls(present: Sequence[ArmOutcomes], primary: Metric) -> list[tuple[Holdout, ArmOutcomes]]:
    """What arms are held against: the holdouts, and the first arm where no holdout can do what decides."""
    found: list[tuple[Holdout, ArmOutcomes]] = [
        (holdout, arm) for holdout in HOLDOUTS for arm in present if arm.role == holdout
    ]
    treatments = [arm for arm in present if arm.role == "treatment"]
    if len(treatments) < 2 or any(primary in _metrics(holdout, primary) for holdout, _ in found):
        return found
    return [("first_arm", treatments[0]), *found]


def _decisive(families: Sequence[list[_Pair]], primary: Metric) -> list[list[_Pair]]:
    """The families that the verdict looks at: the primary metric between mails, or else against `no_mail`."""
    found = [family for family in families if family[0].metric == primary]
    return [family for family in found if family[0].holdout in BETWEEN_MAILS] or found


def _compare_family(
    *, plan: Plan, family: Sequence[_Pair], looking: Looking, blocked: str
) -> list[Comparison]:
    """Test the pairs of one family together, each with the interval that agrees with Holm's decision."""
    raw = [pair.p_value() for pair in family]
    held = [looking.p_value(one) for one in raw]
    adjusted, levels = holm(held), holm_levels(held, alpha=plan.alpha)
    return [
        _comparison(
            pair, plan=plan, adjusted=adjusted[index], level=looking.level(levels[index]), blocked=blocked
        )
        for index, pair in enumerate(family)
    ]


def _told_apart(plan: Plan, better: Sequence[Comparison]) -> set[frozenset[str]]:
    """The keys of those pairs of winners that differ, tested together at the same look as against the holdout."""
    pairs = [
        _Pair(one.metric, one.holdout, one.treatment, other.treatment)
        for one, other in combinations(better, 2)
    ]
    adjusted = holm([plan.looking.p_value(pair.p_value()) for pair in pairs]) if pairs else []
    return {
        frozenset({pair.treatment.key, pair.control.key})
        for pair, p_value in zip(pairs, adjusted, strict=True)
        if p_value < plan.alpha and not pair.too_few()
    }


def _comparison(pair: _Pair, *, plan: Plan, adjusted: float, level: float, blocked: str) -> Comparison:
    result = pair.test(level)
    not_judged = blocked or pair.too_few()
    treatment_value, control_value = pair.values()
    comparison = Comparison(
        metric=pair.metric,
        holdout=pair.holdout,
        treatment=pair.treatment,
        control=pair.control,
        treatment_value=treatment_value,
        control_value=control_value,
        difference=result.difference,
        relative_lift=result.relative_lift,
        incremental=result.difference.scaled(pair.treatment.assigned),
        p_value=result.p_value,
        adjusted_p_value=adjusted,
        alpha=level,
        significant=not not_judged and adjusted < plan.alpha,
        not_judged=not_judged,
        sentence="",
        with_less_noise=pair.with_less_noise(level),
    )
    return replace(comparison, sentence=finding(comparison, currency=plan.currency))


def _too_few_buyers(treatment: ArmOutcomes, control: ArmOutcomes) -> str:
    fewest = min((treatment, control), key=lambda arm: arm.converters)
    needed = minimum_buyers(n_treatment=treatment.assigned, n_control=control.assigned)
    if fewest.converters >= needed:
        return ""
    return (
        f"{fewest.converters:,} customers in {label(fewest)} ordered, and revenue is judged only "
        f"from {needed:,} in the smaller arm on, because a few large orders would decide."
    )


def _ratios(arms: Sequence[ArmOutcomes]) -> tuple[SampleRatio, SampleRatio]:
    """Sample ratio of everybody assigned, and of the messages delivered between mailed arms."""
    weighted = [arm for arm in arms if arm.weight > 0]
    mailed = [arm for arm in weighted if arm.mailed]
    return (
        sample_ratio(observed=[arm.assigned for arm in weighted], weights=[arm.weight for arm in weighted]),
        sample_ratio(observed=[arm.delivered for arm in mailed], weights=[arm.weight for arm in mailed]),
    )


def _blocked(plan: Plan, mismatch: Mismatch | None, *, is_deciding: bool) -> str:
    """Why nothing at all may be judged yet, empty where it may."""
    if mismatch is not None:
        return "the arms' sizes do not match the plan."
    if plan.is_bandit:
        return "a bandit's shares follow earlier results, and it names no winner."
    if is_deciding and plan.has_decided:
        return "a look has decided, and what came in since decides nothing."
    if plan.complete or (is_deciding and plan.may_judge):
        return ""
    if is_deciding and plan.next_look_at is not None:
        return f"the next planned look is on {plan.next_look_at:%-d %B %Y, %H:%M} UTC."
    if is_deciding and not plan.is_sent:
        return "messages are still being sent."
    return "the conversion window is still open."


def _arm_report(arm: ArmOutcomes) -> ArmReport:
    def rate(successes: int) -> Interval:
        return wilson(sample=arm.share(successes))

    return ArmReport(
        outcomes=arm,
        delivery_rate=rate(arm.delivered) if arm.mailed else None,
        open_rate=rate(arm.human_opens) if arm.mailed else None,
        click_rate=rate(arm.human_clicks) if arm.mailed else None,
        unsubscribe_rate=rate(arm.unsubscribes) if arm.mailed else None,
        conversion_rate=rate(arm.converters),
        revenue_per_recipient=mean_interval(sample=arm.spending),
    )


def _guardrails(plan: Plan, arms: Sequence[ArmOutcomes]) -> tuple[Guardrail, ...]:
    """What must not get worse, of each treatment against the mail it is held against; not adjusted for how many.

    Whoever looks between looks, or at any time, sees the confidence sequence here too.
    """
    is_peek = isinstance(plan.looking, Anytime) and not plan.complete
    alpha = plan.looking.level(plan.alpha) if is_peek else plan.alpha
    present = [arm for arm in arms if arm.assigned]
    controls = [
        control for holdout, control in _controls(present, plan.primary_metric) if holdout in BETWEEN_MAILS
    ]
    found = []
    for control in controls:
        for arm in (arm for arm in present if arm.role == "treatment" and arm is not control):
            for key in plan.guardrails:
                treated, plain = arm.share(arm.harmed(key)), control.share(control.harmed(key))
                test = compare_proportions(treatment=treated, control=plain, alpha=alpha)
                result = non_inferior_rate(
                    treatment=treated, control=plain, margin=plan.guardrail_margin, alpha=alpha
                )
                found.append(
                    Guardrail(
                        key=key,
                        treatment=arm,
                        control=control,
                        result=result,
                        p_value=test.p_value,
                        worse=test.p_value < alpha and test.z > 0,
                    )
                )
    return tuple(found)


def _warnings(
    plan: Plan, arms: Sequence[ArmOutcomes], guardrails: Sequence[Guardrail], assigned: SampleRatio
) -> tuple[str, ...]:
    opens = [OPENS_WARNING] if plan.primary_metric == "human_open" else []
    empty = [f"{label(arm)} has no customers to compare." for arm in arms if arm.assigned < 2]
    worse = [f"A guardrail is touched: {guardrail_finding(one)}" for one in guardrails if one.worse]
    unchecked = [] if assigned.checkable else [UNCHECKED]
    return (*opens, *empty, *worse, *unchecked)
