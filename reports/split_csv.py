"""The figures of a journey's split as rows of a file: one a figure, with what it means."""

from collections.abc import Iterator

from experiments.report import ArmReport
from reports.experiment_csv import Row, heading, of_comparison, of_sizes, three
from reports.splits import SplitResult

_COUNTS = (
    "human_opens",
    "human_clicks",
    "unsubscribes",
    "complaints",
    "bounces",
    "converters",
    "orders",
    "revenue_minor",
)


def rows(result: SplitResult) -> Iterator[Row]:
    """Yield the headings and all figures; rates are shares, money is in minor units of the report's currency."""
    report = result.report
    yield from heading(report, report.verdict)
    for entered, arm in result.arms:
        yield from _of_arm(entered, arm)
    for one in report.comparisons:
        yield from of_comparison(one)
    yield of_sizes("assigned", report.assigned_ratio, note="; value is chi-square, p is a sequential test's")


def _of_arm(entered: int, arm: ArmReport) -> Iterator[Row]:
    outcomes = arm.outcomes
    for name, count in (("entered", entered), ("window_over", outcomes.assigned)):
        yield ("arm", outcomes.key, "", name, count, "", "", "", "count")
    for name in _COUNTS:
        yield ("arm", outcomes.key, "", name, getattr(outcomes, name), "", "", "", "count, of window_over")
    yield (
        "arm",
        outcomes.key,
        "",
        "conversion_rate",
        *three(arm.conversion_rate),
        "",
        "share of window_over",
    )
    revenue = three(arm.revenue_per_recipient)
    yield ("arm", outcomes.key, "", "revenue_per_recipient", *revenue, "", "minor units, of window_over")
