"""An experiment's figures as rows of a file: one a figure, with what it means."""

from collections.abc import Iterator

from experiments.report import ArmReport, Comparison, ExperimentReport, Verdict
from experiments.stats.interval import Interval
from experiments.stats.srm import SampleRatio
from reports.results import Result

_HEADINGS = ("section", "arm", "against", "metric", "value", "low", "high", "p", "note")
Row = tuple[object, ...]


def rows(result: Result) -> Iterator[Row]:
    """Yield the headings and all figures; rates are shares, money is in minor units of the report's currency."""
    report = result.report
    yield from heading(report, result.verdict)
    for arm in report.arms:
        yield from _of_arm(arm)
    for one in report.comparisons:
        yield from of_comparison(one)
    for guard in report.guardrails:
        yield (
            "guardrail",
            guard.treatment.key,
            guard.control.key,
            guard.key,
            *three(guard.result.harm),
            guard.result.p_value,
            f"{guard.result.state}, margin {guard.result.margin}",
        )
    for counted, ratio in (("assigned", report.assigned_ratio), ("delivered", report.delivered_ratio)):
        yield of_sizes(counted, ratio)
    for look in result.looks:
        yield ("look", look.number, "", look.state, look.fraction, "", "", look.nominal_alpha, look.sentence)


def heading(report: ExperimentReport, verdict: Verdict) -> Iterator[Row]:
    """Yield what every such file begins with: columns, verdict, as of when in which currency, and the warnings."""
    yield _HEADINGS
    yield ("verdict", "", "", verdict.status, "", "", "", "", verdict.sentence)
    yield ("as of", "", "", "", report.plan.as_of.isoformat(), "", "", "", report.plan.currency)
    for warning in report.warnings:
        yield ("warning", "", "", "", "", "", "", "", warning)


def _of_arm(arm: ArmReport) -> Iterator[Row]:
    outcomes = arm.outcomes
    counts = (
        "assigned sent delivered human_opens machine_opens human_clicks unsubscribes complaints bounces "
        "converters orders orders_shown orders_mixed revenue_minor"
    )
    for name in counts.split():
        yield ("arm", outcomes.key, "", name, getattr(outcomes, name), "", "", "", "count")
    for name in ("delivery_rate", "open_rate", "click_rate", "unsubscribe_rate", "conversion_rate"):
        rate = getattr(arm, name)
        if rate is not None:
            yield ("arm", outcomes.key, "", name, *three(rate), "", "share of assigned")
    yield (
        "arm",
        outcomes.key,
        "",
        "revenue_per_recipient",
        *three(arm.revenue_per_recipient),
        "",
        "minor units",
    )


def of_comparison(one: Comparison) -> Iterator[Row]:
    """Yield the lines of one comparison."""
    head = (one.treatment.key, one.control.key, one.metric)
    yield ("difference", *head, *three(one.difference), one.adjusted_p_value, one.sentence)
    yield ("incremental", *head, *three(one.incremental), one.adjusted_p_value, one.not_judged)
    if one.relative_lift is not None:
        yield ("relative lift", *head, *three(one.relative_lift), one.adjusted_p_value, "")
    if one.with_less_noise is not None:
        note = f"CUPED, variance saved {one.variance_saved:.4f}; decides nothing"
        yield (
            "difference with less noise",
            *head,
            *three(one.with_less_noise.difference),
            one.with_less_noise.p_value,
            note,
        )


def three(interval: Interval) -> tuple[float, float, float]:
    """Return an estimate and the ends of its interval."""
    return interval.estimate, interval.low, interval.high


def of_sizes(counted: str, ratio: SampleRatio, *, note: str = "") -> Row:
    """Return the line that holds the arms' sizes against the plan, with a note on the test behind them."""
    sizes = " / ".join(str(size) for size in ratio.observed)
    return ("sizes", "", "", counted, ratio.chi_square, "", "", ratio.p_value, sizes + note)
