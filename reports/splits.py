"""What each arm of a journey's split did, and what may be concluded while people keep coming.

Each person's window starts when the split assigned them. Only those whose window is over are compared, so that every
one of them had the same time; how many were assigned is held against the planned shares over all who came.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import Exists, OuterRef

from campaigns.models import Enrolment, Journey
from common.charts import Chart
from common.clock import now
from experiments.analysis import analyse
from experiments.looking import in_between
from experiments.models import Experiment, Variant
from experiments.outcomes import ArmOutcomes, Metric, Plan, Role
from experiments.report import ArmReport, ExperimentReport, Verdict
from experiments.stats.srm import SampleRatio, sequential_sample_ratio
from experiments.wording import UNCHECKED
from reports.experiment_charts import rates_chart
from reports.split_places import pooled_warning

USUAL_CUSTOMERS = 10_000
"""Where a plan names no number of customers, intervals are narrowest at this one. It may not follow the results."""
CLOCKS = timedelta(seconds=10)
"""The worker says when somebody was assigned, the database when a mail was written: so far the two may differ."""

_ENTERED = """
SELECT variant_key, count(*), min(assigned_at), max(assigned_at) FROM customers_assignment
WHERE experiment_key = %(experiment)s AND variant_key = ANY(%(arms)s) AND assigned_at <= %(as_of)s
GROUP BY variant_key
"""
_MEMBERS = """
WITH member AS (
    SELECT customer_id, variant_key, assigned_at AS begins, assigned_at + %(window)s AS ends
    FROM customers_assignment
    WHERE experiment_key = %(experiment)s AND variant_key = ANY(%(arms)s)
        AND assigned_at <= %(as_of)s - %(window)s
)"""
_ARMS = (
    _MEMBERS  # noqa: S608 - texts of this module
    + """, bought AS (
    SELECT member.customer_id, count(*) AS orders,
           coalesce(sum(placed.total_minor - placed.refunded_minor)
               FILTER (WHERE placed.currency = %(currency)s), 0) AS revenue
    FROM member
    JOIN customers_order placed ON placed.customer_id = member.customer_id
        AND placed.placed_at >= member.begins AND placed.placed_at < member.ends
    GROUP BY member.customer_id
), reacted AS (
    SELECT message.customer_id,
           bool_or(event.kind = 'opened' AND NOT event.is_machine) AS opened,
           bool_or(event.kind = 'clicked' AND NOT event.is_machine) AS clicked,
           bool_or(event.kind = 'unsubscribed') AS unsubscribed,
           bool_or(event.kind = 'complained') AS complained,
           bool_or(event.kind = 'bounced') AS bounced
    FROM member
    JOIN delivery_message message ON message.customer_id = member.customer_id
        AND message.dispatch_id = ANY(%(dispatches)s) AND message.created_at >= member.begins - %(clocks)s
    JOIN delivery_messageevent event ON event.message_id = message.id AND event.occurred_at < member.ends
    GROUP BY message.customer_id
)
SELECT member.variant_key, count(*), count(*) FILTER (WHERE reacted.opened),
       count(*) FILTER (WHERE reacted.clicked), count(bought.customer_id), coalesce(sum(bought.orders), 0),
       coalesce(sum(bought.revenue), 0), coalesce(sum(bought.revenue * bought.revenue), 0),
       count(*) FILTER (WHERE reacted.unsubscribed), count(*) FILTER (WHERE reacted.complained),
       count(*) FILTER (WHERE reacted.bounced)
FROM member
LEFT JOIN bought ON bought.customer_id = member.customer_id
LEFT JOIN reacted ON reacted.customer_id = member.customer_id
GROUP BY member.variant_key
"""
)
_COUNTED = (
    "assigned",
    "human_opens",
    "human_clicks",
    "converters",
    "orders",
    "revenue_minor",
    "revenue_minor_squares",
    "unsubscribes",
    "complaints",
    "bounces",
)
_CURRENCIES = (
    _MEMBERS
    + """
SELECT placed.currency, count(*) FROM member
JOIN customers_order placed ON placed.customer_id = member.customer_id
    AND placed.placed_at >= member.begins AND placed.placed_at < member.ends
GROUP BY placed.currency ORDER BY count(*) DESC, placed.currency
"""
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entered:
    """Everybody whom the split assigned: how many by arm, and when the first and the last of them came."""

    counts: Mapping[str, int]
    first_at: datetime | None
    last_at: datetime | None

    @property
    def total(self) -> int:
        """How many came."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitResult:
    """A split as its page shows it. In `report` the arms are those whose window is over, the sizes are of all."""

    experiment: Experiment
    journeys: Sequence[Journey]
    entered: Entered
    report: ExperimentReport
    other_currencies: Sequence[tuple[str, int]]

    @property
    def arms(self) -> list[tuple[int, ArmReport]]:
        """Each arm with how many entered it."""
        return [(self.entered.counts.get(arm.outcomes.key, 0), arm) for arm in self.report.arms]

    @property
    def judged(self) -> int:
        """How many have their window behind them."""
        return sum(arm.outcomes.assigned for arm in self.report.arms)

    @property
    def sizes(self) -> list[tuple[str, int, float]]:
        """Each arm's name with how many entered it, and how many were planned to."""
        ratio = self.report.assigned_ratio
        names = [arm.outcomes.name for arm in self.report.arms if arm.outcomes.weight > 0]
        return list(zip(names, ratio.observed, ratio.expected, strict=True))

    def rates_chart(self) -> Chart:
        """Conversion of each arm with its interval."""
        return rates_chart(self.report)


def split_result(experiment: Experiment, *, as_of: datetime | None = None) -> SplitResult:
    """Count and judge a journey's split as of a time (now unless given); a fixed number of queries.

    It is judged by intervals that hold at all times at once, whatever the plan says: people keep coming, and there is
    no end at which all are there.
    """
    as_of = as_of or now()
    arms = {one.key: one for one in experiment.variants.all() if one.role != Variant.Role.REMAINDER}
    journeys = _journeys(experiment)
    parameters: dict[str, Any] = {
        "experiment": experiment.key,
        "arms": list(arms),
        "window": timedelta(days=experiment.conversion_window_days),
        "as_of": as_of,
        "clocks": CLOCKS,
        "dispatches": [one.dispatch_id for one in journeys if one.dispatch_id is not None],
    }
    entered = _entered(parameters)
    currencies = [(str(name), int(count)) for name, count in _rows(_CURRENCIES, parameters)]
    currency = currencies[0][0] if currencies else settings.REPORTING_CURRENCY
    plan = _plan(experiment, as_of=as_of, currency=currency, last_at=_last_of_all(journeys, entered))
    counted = {
        key: [int(one) for one in row] for key, *row in _rows(_ARMS, parameters | {"currency": currency})
    }
    outcomes = [_arm(one, counted.get(key, [0] * len(_COUNTED))) for key, one in arms.items()]
    report = judged(plan, outcomes, entered, planned_customers=experiment.planned_customers)
    if pooled := pooled_warning(experiment.key, journeys):
        report = replace(report, warnings=(pooled, *report.warnings))
    return SplitResult(
        experiment=experiment,
        journeys=journeys,
        entered=entered,
        report=report,
        other_currencies=currencies[1:],
    )


def judged(
    plan: Plan, arms: Sequence[ArmOutcomes], entered: Entered, *, planned_customers: int | None
) -> ExperimentReport:
    """Compare the arms of those whose window is over; arms of the wrong sizes, counted over all, spoil the result."""
    there = sum(arm.assigned for arm in arms)
    share = max(there, 1) / (planned_customers or USUAL_CUSTOMERS)
    sizes = _sizes(arms, entered)
    looking = in_between(fraction=share, alpha=plan.alpha)
    report = analyse(plan=replace(plan, looking=looking), arms=arms, assigned=sizes)
    verdict = report.verdict
    if not sizes.alarm and not there and entered.first_at is not None:
        ends = entered.first_at + timedelta(days=plan.conversion_window_days)
        verdict = Verdict(
            "too_early",
            f"Too early to judge: the window of {plan.conversion_window_days} days of whoever came first is open "
            f"until {ends:%-d %B %Y, %H:%M} UTC.",
        )
    return replace(
        report,
        verdict=verdict,
        warnings=tuple(one for one in report.warnings if one != UNCHECKED),
    )


def _sizes(arms: Sequence[ArmOutcomes], entered: Entered) -> SampleRatio:
    weighted = [arm for arm in arms if arm.weight > 0]
    return sequential_sample_ratio(
        observed=[entered.counts.get(arm.key, 0) for arm in weighted],
        weights=[arm.weight for arm in weighted],
    )


def _plan(experiment: Experiment, *, as_of: datetime, currency: str, last_at: datetime | None) -> Plan:
    """The plan; its last window never closes while somebody may still come to the split."""
    metric: Metric = experiment.primary_metric  # type: ignore[assignment]
    window = timedelta(days=experiment.conversion_window_days)
    return Plan(
        name=experiment.name,
        primary_metric=metric,
        conversion_window_days=experiment.conversion_window_days,
        alpha=experiment.alpha,
        currency=currency,
        as_of=as_of,
        window_closes_at=(last_at or as_of) + window,
        method="anytime",
        is_look=True,
        smallest_effect=experiment.smallest_effect,
        power=experiment.power,
        guardrails=tuple(experiment.guardrails),
        guardrail_margin=experiment.guardrail_margin,
    )


def _journeys(experiment: Experiment) -> list[Journey]:
    """The journeys that this experiment splits, in whichever version, with `has_people`: whether anybody is in them."""
    on_the_way = Enrolment.objects.filter(journey=OuterRef("pk"), is_active=True)
    splits = Journey.objects.filter(versions__document__contains={"steps": [{"split": experiment.key}]})
    return list(
        Journey.objects.filter(pk__in=splits.values("pk"))
        .annotate(has_people=Exists(on_the_way))
        .order_by("name")
    )


def _last_of_all(journeys: Sequence[Any], entered: Entered) -> datetime | None:
    """When the last person came, where nobody can come any more; None while somebody may."""
    is_over = all(one.state == Journey.State.CLOSED and not one.has_people for one in journeys)
    return entered.last_at if journeys and is_over else None


def _entered(parameters: dict[str, Any]) -> Entered:
    rows = _rows(_ENTERED, parameters)
    return Entered(
        counts={key: count for key, count, _, _ in rows},
        first_at=min((first for _, _, first, _ in rows), default=None),
        last_at=max((last for _, _, _, last in rows), default=None),
    )


def _arm(variant: Variant, counted: Sequence[int]) -> ArmOutcomes:
    role: Role = variant.role  # type: ignore[assignment]
    counts: dict[str, Any] = dict(zip(_COUNTED, counted, strict=True))
    return ArmOutcomes(
        key=variant.key,
        name=variant.name,
        role=role,
        weight=variant.weight,
        **counts,
    )


def _rows(sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchall()
