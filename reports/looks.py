"""Taking the planned looks: what was seen is kept, and the look that decides ends the experiment."""

import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from math import isfinite
from typing import Any

from django.db import InterfaceError, OperationalError, transaction
from django.db.models import Count, Q

from campaigns.launching import window_closes
from campaigns.models import Campaign
from campaigns.shifts import is_shifted
from common.clock import now
from customers.models import Alert, Assignment
from customers.quality.alerts import raise_alert, resolve
from delivery.judging import freeze_verdicts
from experiments.analysis import analyse
from experiments.information import Expectation, fraction
from experiments.looking import Anytime, AtLooks, Looking, at_look, in_between
from experiments.looks import plan_looks
from experiments.models import Experiment, Look, Variant
from experiments.outcomes import ArmOutcomes, Plan, Prior
from experiments.report import ExperimentReport
from experiments.stats.srm import SampleRatio, sample_ratio, sequential_sample_ratio
from reports.outcomes import compared, outcomes, plan_of

logger = logging.getLogger(__name__)
State = Look.State
NEW = timedelta(hours=1)
"""So long after a launch the arms' sizes are checked without waiting for a look."""
BATCH = 50
"""So many experiments are seen to at a time."""
MISSED = "Nothing was running when this look was due. The next one was taken with what was there then."
SPARED = "Not needed: an earlier look had decided."
OLDER = "Over before looks were written down: its page counts it as it stands."
UNEQUAL = "Not taken: an arm was due later than the others, and its people had had less time to react."


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """An experiment as it stands: its plan, its arms, and the share of the planned information that is there.

    `elapsed` is the share of the time that is over. `is_shifted`: an arm was due later than the others, so that only
    the end treats them alike.
    """

    experiment: Experiment
    plan: Plan
    arms: list[ArmOutcomes]
    fraction: float
    elapsed: float
    is_shifted: bool = False

    def at_look(self, *, earlier: Sequence[float], is_final: bool) -> ExperimentReport:
        """Analyse it as one of its looks does, after those at `earlier` shares of the information."""
        looking = at_look(
            self.plan.method,
            earlier=earlier,
            fraction=self.fraction,
            elapsed=self.elapsed,
            is_final=is_final,
            alpha=self.plan.alpha,
        )
        return self._report(looking, is_look=True, is_last_look=is_final)

    def in_between(self, *, next_look_at: datetime | None) -> ExperimentReport:
        """Analyse it for whoever looks at any moment; only where that is the method it is judged."""
        looking = in_between(fraction=self.fraction, alpha=self.plan.alpha)
        is_look = self.plan.method == "anytime" and not self.is_shifted
        return self._report(looking, is_look=is_look, next_look_at=next_look_at)

    def after_the_decision(self) -> ExperimentReport:
        """Analyse what came in since a look decided: figures without a judgement on the metric that decided."""
        looking = in_between(fraction=self.fraction, alpha=self.plan.alpha)
        return self._report(looking, has_decided=True)

    def _report(self, looking: Looking, **moment: Any) -> ExperimentReport:
        return analyse(plan=replace(self.plan, looking=looking, **moment), arms=self.arms)


def sight_of(campaign: Campaign, *, as_of: datetime) -> Sight:
    """Count a launched campaign as of a moment; a fixed number of queries."""
    plan = plan_of(campaign, as_of=as_of)
    return sight_with(campaign, plan=plan, arms=outcomes(campaign, plan=plan))


def sight_with(campaign: Campaign, *, plan: Plan, arms: list[ArmOutcomes]) -> Sight:
    """Put what was counted as of `plan.as_of` beside what was planned."""
    experiment = campaign.experiment
    expected = Expectation(value=experiment.expected_value, deviation=experiment.expected_deviation)
    elapsed = elapsed_of(campaign, at=plan.as_of)
    there = fraction(arms, metric=plan.primary_metric, expected=expected, elapsed=elapsed)
    return Sight(
        experiment=experiment,
        plan=plan,
        arms=arms,
        fraction=there,
        elapsed=elapsed,
        is_shifted=is_shifted(campaign),
    )


def elapsed_of(campaign: Campaign, *, at: datetime) -> float:
    """Return the share of the time from a campaign's launch to the end of its last window, from 0 to 1."""
    assert campaign.launched_at is not None
    return min(max((at - campaign.launched_at) / (window_closes(campaign) - campaign.launched_at), 0.0), 1.0)


def seen_now(sight: Sight, looks: Sequence[Look]) -> ExperimentReport:
    """Analyse for whoever opens a page now: as at the last look when all is over, else by the confidence sequence."""
    upcoming = [look.due_at for look in looks if look.state == State.PLANNED]
    has_ended_early = any(look.is_deciding and not look.is_final for look in looks)
    if has_ended_early:
        return sight.after_the_decision()
    if sight.plan.complete:
        taken = [look for look in looks if look.state == State.TAKEN and not look.is_final]
        return sight.at_look(earlier=[look.fraction or 0.0 for look in taken], is_final=True)
    tells_next = upcoming and len(looks) > 1 and sight.plan.method != "anytime"
    return sight.in_between(next_look_at=upcoming[0] if tells_next else None)


def as_decided(sight: Sight, looks: Sequence[Look]) -> ExperimentReport | None:
    """Rebuild what the look that decided before the end judged, from the counts it kept; None where none did."""
    look = next((one for one in looks if one.is_deciding and not one.is_final), None)
    if look is None or look.taken_at is None:
        return None
    counted = [look.counted[arm.key] for arm in sight.arms if arm.key in look.counted]
    then = replace(
        sight,
        plan=replace(sight.plan, as_of=look.taken_at),
        arms=[ArmOutcomes(**arm | {"prior": Prior(**arm["prior"])}) for arm in counted],
        fraction=look.fraction or 0.0,
        elapsed=1.0,
    )
    taken = [one for one in looks if one.state == State.TAKEN and one.number < look.number]
    return then.at_look(earlier=[one.fraction or 0.0 for one in taken], is_final=False)


def plan_all(*, at: datetime | None = None) -> None:
    """Plan the looks of launched campaigns that are not decided, where they are missing or their end has moved.

    A launch plans its own looks. Campaigns without any are older than looks are: those that were over by `at` are
    closed without one, the newest first and so many at a time.
    """
    at = at or now()
    launched = Campaign.objects.exclude(launched_at=None).select_related("experiment")
    without = launched.filter(experiment__planned_looks=None).order_by("-launched_at")[:BATCH]
    moving = launched.filter(experiment__planned_looks__state=State.PLANNED).distinct().order_by("pk")
    for campaign in [*without, *moving]:
        assert campaign.launched_at is not None
        if window_closes(campaign) <= at and not campaign.experiment.planned_looks.exists():
            _close(campaign)
        else:
            plan_looks(campaign.experiment, begins=campaign.launched_at, ends=window_closes(campaign))


@transaction.atomic
def _close(campaign: Campaign) -> None:
    """Finish an experiment that was over before looks were kept: nothing is counted, told or decided anew."""
    ended = window_closes(campaign)
    Look.objects.bulk_create(
        [
            Look(
                experiment=campaign.experiment,
                number=1,
                is_final=True,
                due_at=ended,
                state=State.SPARED,
                sentence=OLDER,
            )
        ],
        ignore_conflicts=True,
    )
    Experiment.objects.filter(pk=campaign.experiment_id, decided_at=None).update(decided_at=ended)


def take_due(*, at: datetime | None = None) -> list[str]:
    """Take the looks that are due, one an experiment, and check the sizes of new ones; return the keys looked at."""
    at = at or now()
    plan_all(at=at)
    due = Look.objects.filter(state=State.PLANNED, due_at__lte=at).order_by("experiment")
    experiments = list(due.values_list("experiment", flat=True).distinct())
    taken = [key for experiment_id in experiments if (key := _take_alone(experiment_id, at=at))]
    for campaign in Campaign.objects.filter(launched_at__gt=at - NEW).select_related("experiment"):
        _tell(campaign.experiment, "assigned", assigned_ratio(campaign))
    return taken


def check_splits() -> None:
    """Alert where the arms of a journey's split have the wrong sizes, as long as it is not put away.

    One query for each that has started, which an index answers.
    """
    started = Experiment.objects.filter(campaign=None, imported=None).exclude(started_at=None)
    archived = started.exclude(archived_at=None).values_list("key", flat=True)
    resolve(Q(key__in=[_alert_key(key, "assigned") for key in archived]))
    for experiment in started.filter(archived_at=None).prefetch_related("variants"):
        _tell(experiment, "assigned", entered_ratio(experiment))


def _take_alone(experiment_id: int, *, at: datetime) -> str:
    """Take a look; one that fails is logged and alerted, and keeps no other experiment waiting."""
    failed = f"look:{experiment_id}"
    try:
        key = take(experiment_id, at=at)
    except (OperationalError, InterfaceError):
        raise
    except Exception as reason:
        logger.exception("The look at experiment %s failed; the others go on", experiment_id)
        name = Experiment.objects.values_list("name", flat=True).get(pk=experiment_id)
        raise_alert(
            failed,
            severity=Alert.Severity.WARNING,
            title=f"A look at {name} failed",
            body=f"It is tried again each minute, and other experiments are not held up: {reason!r}"[:1000],
        )
        return ""
    resolve(Q(key=failed))
    return key


def assigned_ratio(campaign: Campaign) -> SampleRatio:
    """Hold the sizes of a launched campaign's compared arms against its plan; two queries."""
    arms = compared(campaign)
    rows = campaign.recipients.filter(variant_key__in=arms).values_list("variant_key")
    sizes = dict(rows.annotate(Count("pk")).order_by())
    return sample_ratio(
        observed=[sizes.get(key, 0) for key in arms], weights=[one.weight for one in arms.values()]
    )


def entered_ratio(experiment: Experiment) -> SampleRatio:
    """Hold how many a journey's split assigned to each arm against its plan; one query beside the variants.

    They are asked again and again while people come, so that the alarm is a sequential test's.
    """
    variants = experiment.variants.all()
    arms = {one.key: one for one in variants if one.role != Variant.Role.REMAINDER and one.weight > 0}
    entered = Assignment.objects.filter(experiment_key=experiment.key, variant_key__in=arms)
    sizes = dict(entered.values_list("variant_key").annotate(size=Count("*")).order_by())
    return sequential_sample_ratio(
        observed=[sizes.get(key, 0) for key in arms], weights=[one.weight for one in arms.values()]
    )


@transaction.atomic
def take(experiment_id: int, *, at: datetime) -> str:
    """Take the newest look of an experiment that is due at a moment, once; return its key, empty where there was none.

    Of several that are due those before the newest were missed. The last look waits until all mails are sent and all
    windows closed. A second worker finds the row locked and leaves.
    """
    locked = Experiment.objects.select_for_update(skip_locked=True).filter(pk=experiment_id).first()
    campaign = Campaign.objects.select_related("dispatch").filter(experiment=experiment_id).first()
    if locked is None or campaign is None:
        return ""
    campaign.experiment = locked
    due = list(locked.planned_looks.filter(state=State.PLANNED, due_at__lte=at))
    if not due:
        return ""
    sight = sight_of(campaign, as_of=at)
    if due[-1].is_final and not sight.plan.complete:
        due.pop()
    if sight.is_shifted:
        due = _without_early(due)
    if not due:
        return ""
    *missed, look = due
    locked.planned_looks.filter(pk__in=[one.pk for one in missed]).update(state=State.MISSED, sentence=MISSED)
    _keep(look, sight, at=at)
    if look.is_deciding:
        locked.planned_looks.filter(state=State.PLANNED).update(state=State.SPARED, sentence=SPARED)
        if campaign.dispatch_id is not None:
            freeze_verdicts(campaign.dispatch_id)
    return locked.key


def _without_early(due: list[Look]) -> list[Look]:
    """Spare the looks before the end, and return that at the end if it is due."""
    early = [look.pk for look in due if not look.is_final]
    Look.objects.filter(pk__in=early).update(state=State.SPARED, sentence=UNEQUAL)
    return [look for look in due if look.is_final]


def _keep(look: Look, sight: Sight, *, at: datetime) -> None:
    """Store what a look saw, and with it the decision where there is one."""
    experiment = sight.experiment
    taken = experiment.planned_looks.filter(state=State.TAKEN).order_by("number")
    earlier = [one or 0.0 for one in taken.values_list("fraction", flat=True)]
    report = sight.at_look(earlier=earlier, is_final=look.is_final)
    looking = report.plan.looking
    critical = looking.critical(experiment.alpha) if isinstance(looking, AtLooks | Anytime) else None
    look.state, look.taken_at = State.TAKEN, at
    look.fraction = looking.fractions[-1] if isinstance(looking, AtLooks) else max([*earlier, sight.fraction])
    look.critical = critical if critical is not None and isfinite(critical) else None
    look.nominal_alpha = looking.level(experiment.alpha)
    look.counted = {arm.key: asdict(arm) for arm in sight.arms}
    look.status, look.sentence = report.verdict.status, report.verdict.sentence
    look.is_deciding = report.is_decided
    look.save()
    tell_mismatches(experiment, report)
    if look.is_deciding:
        experiment.decided_at, experiment.decided_variant = at, report.verdict.variant
        experiment.save(update_fields=["decided_at", "decided_variant"])


def tell_mismatches(experiment: Experiment, report: ExperimentReport) -> None:
    """Raise an alert, once, where the arms' sizes are not what was planned; deliveries count when all is over."""
    _tell(experiment, "assigned", report.assigned_ratio)
    if report.plan.complete:
        _tell(experiment, "delivered", report.delivered_ratio)


def _tell(experiment: Experiment, counted: str, ratio: SampleRatio) -> None:
    key = _alert_key(experiment.key, counted)
    if not ratio.alarm:
        resolve(Q(key=key))
        return
    seen = " / ".join(f"{count:,}" for count in ratio.observed)
    planned = " / ".join(f"{count:,.0f}" for count in ratio.expected)
    raise_alert(
        key,
        severity=Alert.Severity.DANGER,
        title=f"The arms of {experiment.name} have the wrong sizes",
        body=f"{counted.capitalize()}: {seen} where {planned} were planned, which chance alone hardly explains "
        "(p < 0.001). Do not read its result before the cause is found.",
    )


def _alert_key(experiment_key: str, counted: str) -> str:
    return f"experiment:{experiment_key}:{counted}"
