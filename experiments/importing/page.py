"""An imported experiment as its page and its CSV file show it."""

from collections.abc import Iterator
from dataclasses import dataclass

from common.charts import Chart, Series
from experiments.importing.arms import ImportedArm
from experiments.importing.findings import ImportedComparison
from experiments.importing.mapping import ImportedMetric
from experiments.importing.report import ImportedReport
from experiments.importing.storing import imported_report
from experiments.importing.wording import between, change, level
from experiments.models import Experiment
from experiments.stats.interval import Interval

_COLUMNS = (
    "metric", "arm", "customers", "value", "against", "customers_against", "value_against", "difference", "low",
    "high", "level", "relative_lift", "lift_low", "lift_high", "p_value", "adjusted_p_value", "significant",
    "not_judged", "cuped_difference", "cuped_low", "cuped_high", "cuped_p_value", "cuped_variance_saved",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Line:
    """One comparison as a line of a table, its figures in words."""

    one: ImportedComparison

    @property
    def difference(self) -> str:
        """The difference with its interval."""
        return _told(self.one.difference, self.one.metric)

    @property
    def findable(self) -> str:
        """The smallest difference that would have been found with a chance of 80 %."""
        return "–" if self.one.findable is None else level(self.one.findable, self.one.metric)

    @property
    def adjusted(self) -> str:
        """The difference with its interval after CUPED, and what that saved."""
        found = self.one.adjusted
        if found is None:
            return ""
        return f"{_told(found.difference, self.one.metric)}; {found.variance_saved:.1%} less variance"


@dataclass(frozen=True, slots=True)
class ImportedPage:
    """All that the page of an imported experiment shows."""

    experiment: Experiment
    report: ImportedReport

    @property
    def lines(self) -> list[Line]:
        """The arms against the control."""
        return [Line(one) for one in self.report.comparisons]

    @property
    def among(self) -> list[Line]:
        """The other arms against each other."""
        return [Line(one) for one in self.report.among]

    @property
    def arms(self) -> list[tuple[ImportedArm, list[tuple[str, str, str]]]]:
        """Each arm with, for each metric, its figure and the ends of its interval."""
        return [
            (
                arm,
                [
                    (level(found.estimate, metric), level(found.low, metric), level(found.high, metric))
                    for metric in self.report.metrics
                    for found in [self.report.values[metric.name][place]]
                ],
            )
            for place, arm in enumerate(self.report.arms)
        ]

    @property
    def forest(self) -> Chart:
        """Every arm on every metric as relative lift over the control, on one axis."""
        lifts = [_bounds(one.relative_lift) for one in self.report.comparisons]
        return Chart(
            title=f"Relative lift over {self.report.arms[0].name}, with its interval",
            kind="interval",
            unit="percent",
            category_label="Arm and metric",
            categories=[f"{one.treatment.name}: {one.metric.name}" for one in self.report.comparisons],
            series=[
                Series(
                    name="Relative lift",
                    values=[estimate for estimate, _, _ in lifts],
                    low=[low for _, low, _ in lifts],
                    high=[high for _, _, high in lifts],
                )
            ],
        )

    @property
    def levels(self) -> Chart:
        """The arms' figures on the metric that decides."""
        metric = self.report.primary
        values = self.report.values[metric.name]
        return Chart(
            title=f"{metric.name} per customer, with its interval",
            kind="interval",
            unit="percent" if metric.kind == "rate" else "money" if metric.kind == "money" else "count",
            currency=metric.currency or "EUR",
            category_label="Arm",
            categories=[arm.name for arm in self.report.arms],
            series=[
                Series(
                    name=metric.name,
                    values=[one.estimate for one in values],
                    low=[one.low for one in values],
                    high=[one.high for one in values],
                )
            ],
        )


def page_of(experiment: Experiment) -> ImportedPage:
    """Analyse an imported experiment for its page."""
    return ImportedPage(experiment, imported_report(experiment))


def rows_of(experiment: Experiment) -> Iterator[list[object]]:
    """The names of the columns, then a row for each comparison: shares, minor units, numbers, unrounded."""
    report = imported_report(experiment)
    yield list(_COLUMNS)
    for one in (*report.comparisons, *report.among):
        metric, cuped = one.metric, one.adjusted
        yield [
            metric.name, one.treatment.name, one.treatment.n, one.treatment.value(metric), one.control.name,
            one.control.n, one.control.value(metric), *_bounds(one.difference), one.difference.level,
            *_bounds(one.relative_lift), one.p_value, one.adjusted_p_value, int(one.significant), one.not_judged,
            *_bounds(cuped.difference if cuped else None), cuped and cuped.p_value, cuped and cuped.variance_saved,
        ]  # fmt: skip


def _told(difference: Interval, metric: ImportedMetric) -> str:
    return f"{change(difference.estimate, metric)} ({between(difference, metric)})"


def _bounds(interval: Interval | None) -> tuple[float | None, float | None, float | None]:
    return (interval.estimate, interval.low, interval.high) if interval else (None, None, None)
