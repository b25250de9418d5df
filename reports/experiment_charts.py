"""The pictures of an experiment's result; each brings its figures as a table."""

from common.charts import Chart, Series
from experiments.report import Comparison, ExperimentReport
from experiments.wording import METRIC_NAMES

WIDE_LIFT, MOST_WIDTHS = 2.0, 6
AGAINST = {"baseline": "baseline", "first_arm": "the first arm", "no_mail": "no mail"}


def forest_chart(report: ExperimentReport) -> Chart | None:
    """Draw each arm's relative lift on each metric with its interval, all on one axis; None without any.

    An interval many times as wide as the narrowest is left out: it would make points of the others.
    """
    rows = [(one, one.relative_lift) for one in report.comparisons if one.relative_lift is not None]
    if not rows:
        return None
    widest = max(WIDE_LIFT, MOST_WIDTHS * min(lift.high - lift.low for _, lift in rows))
    rows = [(one, lift) for one, lift in rows if lift.high - lift.low <= widest]
    if not rows:
        return None
    lifts = [lift for _, lift in rows]
    return Chart(
        title="Relative lift of each arm on each metric, with the intervals that agree with the tests",
        kind="interval",
        unit="percent",
        categories=[_named(one) for one, _ in rows],
        category_label="Arm, metric and holdout",
        series=[
            Series(
                name="Relative lift",
                values=[lift.estimate for lift in lifts],
                low=[lift.low for lift in lifts],
                high=[lift.high for lift in lifts],
            )
        ],
    )


def rates_chart(report: ExperimentReport) -> Chart:
    """Draw the share of each arm that ordered."""
    rates = [arm.conversion_rate for arm in report.arms]
    return Chart(
        title="Ordered within the window, by arm, with 95 % intervals",
        kind="interval",
        unit="percent",
        categories=[arm.outcomes.name for arm in report.arms],
        category_label="Arm",
        series=[
            Series(
                name="Ordered",
                values=[rate.estimate for rate in rates],
                low=[rate.low for rate in rates],
                high=[rate.high for rate in rates],
            )
        ],
    )


def funnel_chart(report: ExperimentReport) -> Chart:
    """Draw how many of each arm came how far, from assigned to ordered."""
    stages = ("Assigned", "Sent", "Delivered", "Opened", "Clicked", "Ordered")
    return Chart(
        title="How many of each arm came how far",
        kind="column",
        categories=list(stages),
        category_label="Stage",
        series=[
            Series(
                name=arm.outcomes.name,
                values=[
                    arm.outcomes.assigned,
                    *(
                        (
                            arm.outcomes.sent,
                            arm.outcomes.delivered,
                            arm.outcomes.human_opens,
                            arm.outcomes.human_clicks,
                        )
                        if arm.outcomes.mailed
                        else (None,) * 4
                    ),
                    arm.outcomes.converters,
                ],
            )
            for arm in report.arms
        ],
    )


def _named(one: Comparison) -> str:
    return f"{one.treatment.name}: {METRIC_NAMES[one.metric]}, against {AGAINST[one.holdout]}"
