"""What a plan can show before anything is sent: sample size, smallest effect, when there is a result; and warnings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from math import ceil

from campaigns.journeys.documents import Split
from campaigns.journeys.ways import document_of
from campaigns.models import Campaign, CampaignVariant, Enrolment, Journey
from campaigns.past_results import PastResults, past_results
from campaigns.remainders import with_remainder
from campaigns.timing import last_moment
from common.figures import money
from experiments.models import Experiment, Variant
from experiments.planning import (
    Comparison,
    Expectation,
    comparison_of,
    control_of,
    customers_needed,
    smallest_lift,
)
from experiments.stats.assignment import WHOLE
from experiments.stats.revenue import minimum_buyers
from segments.models import Segment

LEAST_SUCCESSES = 5
WEEKS_BACK = 4
Tests, Metric, Role = Experiment.Tests, Experiment.Metric, Variant.Role
_VERBS = {
    Metric.HUMAN_CLICK: "click",
    Metric.CONVERSION: "order",
    Metric.HUMAN_OPEN: "open it",
}
_ASPECTS = {
    Tests.SUBJECT: "the subject",
    Tests.PREHEADER: "the preheader",
    Tests.TEMPLATE: "the template",
    Tests.STRATEGY: "the products",
    Tests.RULES: "the personalisation",
    Tests.SEND_TIME: "the time of sending",
}
_PART_OF = {Tests.TEMPLATE: {Tests.SUBJECT, Tests.PREHEADER}, Tests.RULES: {Tests.STRATEGY}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What a plan promises. `audience` are the people who can be mailed, `compared` those in arms that are compared.

    `is_kept`: what is expected stands in the plan, rather than being what the list did up to now.

    `per_week` is how many enter a journey's split, None for mails that all go out at once. `needed` and `lift` are None
    where too little is known. Times are UTC.
    """

    experiment: Experiment
    comparison: Comparison | None
    control: Variant | None
    past: PastResults
    expected: Expectation | None
    is_kept: bool
    audience: int
    compared: int
    needed: int | None
    lift: float | None
    per_week: float | None
    result_at: datetime | None
    warnings: Sequence[str]

    @property
    def weeks(self) -> int | None:
        """How many weeks a split that people enter one by one takes, the window included."""
        if not self.per_week or self.needed is None or self.comparison is None:
            return None
        enter = self.needed * WHOLE / self.comparison.compared / self.per_week
        return ceil(enter + self.experiment.conversion_window_days / 7)

    @property
    def expected_says(self) -> str:
        """The expectation in words."""
        if self.expected is None:
            return "not known"
        if self.expected.deviation is None:
            return said(self.expected.value)
        each = money(round(self.expected.value), self.past.currency)
        return f"{each} per recipient, with a deviation of {money(round(self.expected.deviation), self.past.currency)}"

    @property
    def is_enough(self) -> bool:
        """Whether the audience is large enough for the effect that is wanted."""
        return self.needed is not None and (self.per_week is not None or self.compared >= self.needed)


def outlook(experiment: Experiment, *, at: datetime) -> Outlook:
    """Work out what an experiment's plan promises, its fields as they are set; a fixed number of queries."""
    campaign = Campaign.objects.select_related("segment").filter(experiment_id=experiment.pk).first()
    segment = campaign.segment if campaign else None
    past = past_results(segment, window_days=experiment.conversion_window_days, at=at)
    variants = with_remainder(list(experiment.variants.all()), experiment.remainder_percent)
    comparison = comparison_of(experiment, variants)
    expected, is_kept = expectation_of(experiment, past)
    audience = (
        round(segment.member_count * (past.mailable if past.mailable is not None else 1)) if segment else 0
    )
    compared = audience * comparison.compared // WHOLE if comparison else 0
    needed = lift = None
    if comparison and expected:
        if experiment.smallest_effect:
            needed = customers_needed(comparison, expected, lift=experiment.smallest_effect)
        lift = smallest_lift(comparison, expected, customers=compared) if compared else None
    found = Outlook(
        experiment=experiment,
        comparison=comparison,
        control=control_of(experiment.primary_metric, variants),
        past=past,
        expected=expected,
        is_kept=is_kept,
        audience=audience,
        compared=compared,
        needed=needed,
        lift=lift,
        per_week=None if campaign else _per_week(experiment, at=at),
        result_at=_result_at(campaign, experiment, at=at) if campaign else None,
        warnings=(),
    )
    said_of_arms = _of_arms(experiment, campaign) if campaign else ()
    return replace(found, warnings=(*warnings_of(found, segment), *said_of_arms))


def expectation_of(experiment: Experiment, past: PastResults) -> tuple[Expectation | None, bool]:
    """Return what the control is expected to do, and whether the plan says so rather than the list's past."""
    metric = experiment.primary_metric
    measured = past.value(metric)
    value = experiment.expected_value if experiment.expected_value is not None else measured
    if value is None:
        return None, False
    deviation = None
    if metric == Metric.REVENUE:
        deviation = experiment.expected_deviation or past.deviation(metric)
        if not deviation:
            return None, False
    return Expectation(value=value, deviation=deviation), experiment.expected_value is not None


def warnings_of(found: Outlook, segment: Segment | None) -> Iterator[str]:
    """Say, in sentences, what a plan will not show."""
    experiment = found.experiment
    if found.comparison is None:
        yield "Nothing is compared: give the baseline holdout a share, or add an arm."
        return
    if experiment.primary_metric == Metric.HUMAN_OPEN:
        yield (
            "Openings are guessed: many programs open mails by themselves, and some people read without images. A "
            "subject that is opened more may sell less. Clicks or orders are safer."
        )
    if found.expected is None:
        yield "Nothing is known to plan with: enter what you expect the control to do."
        return
    if not found.expected.is_known:
        yield f"With {found.expected_says} nothing can be planned: enter what you expect the control to do."
        return
    if found.per_week is not None:
        if not found.per_week:
            yield "Nobody entered this split in the last four weeks: how long it takes cannot be told."
    elif segment is not None and not segment.member_count:
        yield "The segment has nobody yet."
    elif found.lift is None:
        yield f"With {found.compared:,} people in the compared arms no lift will be found, however large it is."
    elif not experiment.smallest_effect or found.lift > experiment.smallest_effect:
        yield f"With {found.compared:,} people in the compared arms you will find lifts above {said(found.lift)} only."
    yield from _too_few(found)


def _too_few(found: Outlook) -> Iterator[str]:
    """What is judged only from a number of successes on."""
    comparison, past = found.comparison, found.past
    assert comparison is not None
    if found.expected is None or not found.compared:
        return
    sizes = sorted(
        found.compared * weight / comparison.compared
        for weight in (comparison.control, *comparison.treatments)
    )
    small, large = sizes[0], sizes[-1]
    metric = found.experiment.primary_metric
    if metric == Metric.REVENUE and past.customers:
        least = minimum_buyers(n_treatment=int(large), n_control=int(small))
        buyers = small * past.bought / past.customers
        if buyers < least:
            yield (
                f"Revenue is judged from {least} buyers in the smallest arm on; expect {buyers:,.0f}. Let orders "
                "decide instead, or make the smallest arm larger."
            )
    elif metric != Metric.REVENUE and small * found.expected.value < LEAST_SUCCESSES:
        few = small * found.expected.value
        yield (
            f"In the smallest arm {few:.1f} people are expected to {_VERBS[Metric(metric)]}: too few for any test to "
            "hold."
        )


def _of_arms(experiment: Experiment, campaign: Campaign) -> Iterator[str]:
    """Whether the arms differ in what is tested, and in that alone."""
    arms = campaign.variants.filter(variant__role=Role.TREATMENT).select_related("template_version")
    differing = _differing(list(arms))
    tested = experiment.tests
    if differing is None or tested not in _ASPECTS:
        return
    if tested not in differing and not _PART_OF.get(Tests(tested), set()) & differing:
        yield f"The arms do not differ in what is tested: {_ASPECTS[Tests(tested)]} is the same in all of them."
    if others := differing - {tested} - _PART_OF.get(Tests(tested), set()):
        names = " and ".join(name for aspect, name in _ASPECTS.items() if aspect in others)
        yield f"The arms differ in {names} too: if one wins, you will not know by what."


def _differing(arms: Sequence[CampaignVariant]) -> set[str] | None:
    """What the arms differ in; None with a single one."""
    if len(arms) < 2:
        return None
    values = [
        {
            Tests.SUBJECT: arm.template_version.subject,
            Tests.PREHEADER: arm.template_version.preheader,
            Tests.TEMPLATE: arm.template_version.origin_id or arm.template_version_id,
            Tests.STRATEGY: arm.strategy,
            Tests.RULES: arm.is_personalised,
            Tests.SEND_TIME: arm.send_shift_hours,
        }
        for arm in arms
    ]
    found = {str(aspect) for aspect in _ASPECTS if len({of_arm[aspect] for of_arm in values}) > 1}
    return found - ({Tests.SUBJECT, Tests.PREHEADER} if Tests.TEMPLATE in found else set())


def _result_at(campaign: Campaign, experiment: Experiment, *, at: datetime) -> datetime:
    """When the window of whoever is mailed last is over, if the sending keeps to its plan."""
    last = campaign.last_due_at or campaign.launched_at
    if last is None:
        timing = campaign.timing()
        has_time = timing.on is not None and (
            timing.at is not None or campaign.timing_kind == Campaign.When.HABIT
        )
        last = max(last_moment(timing), at) if has_time else at
        shifts = campaign.variants.values_list("send_shift_hours", flat=True)
        last += timedelta(hours=max(shifts, default=0))
    return last + timedelta(days=experiment.conversion_window_days)


def _per_week(experiment: Experiment, *, at: datetime) -> float:
    """How many people a week entered the journeys that this experiment splits, in the last four weeks."""
    journeys = [
        journey.pk
        for journey in Journey.objects.exclude(live_version=None)
        if any(
            isinstance(step.act, Split) and step.act.experiment == experiment.key
            for step in document_of(journey.live_version_id or 0).steps
        )
    ]
    since = at - timedelta(weeks=WEEKS_BACK)
    return Enrolment.objects.filter(journey__in=journeys, started_at__gte=since).count() / WEEKS_BACK


def said(share: float) -> str:
    """A share or a lift for people: two figures below 10 %, whole per cents above."""
    percent = share * 100
    digits = 0 if percent >= 10 else 1 if percent >= 1 else 2
    return f"{percent:,.{digits}f} %"
