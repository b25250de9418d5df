"""What a chart shows, apart from how it is drawn; its data table reads the same values."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from common import figures

Kind = Literal["line", "area", "bar", "column", "interval"]
Unit = Literal["count", "percent", "money"]


@dataclass(frozen=True, kw_only=True)
class Series:
    """One named row of values, one for each category; `None` leaves a gap.

    `low` and `high` are the interval around each value: a band of a line, a bar of an interval chart.
    """

    name: str
    values: Sequence[float | None]
    low: Sequence[float | None] = ()
    high: Sequence[float | None] = ()


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart and its data table.

    `title` names it for people who cannot see it. Values are shares (0.12) for the unit percent and minor
    units for money. `bar` lies, `column` stands; `interval` draws points with intervals around them.
    """

    title: str
    kind: Kind
    categories: Sequence[str]
    series: Sequence[Series]
    unit: Unit = "count"
    currency: str = "GBP"
    stacked: bool = False
    category_label: str = ""

    def spec(self) -> dict[str, Any]:
        """What charts.js reads, as JSON-ready values."""
        return {
            "kind": self.kind,
            "unit": self.unit,
            "currency": self.currency,
            "stacked": self.stacked,
            "categories": list(self.categories),
            "series": [
                {"name": s.name, "values": list(s.values), "low": list(s.low), "high": list(s.high)}
                for s in self.series
            ],
        }

    def columns(self) -> list[str]:
        """Headings of the data table, without that of the categories."""
        return [heading for series in self.series for heading in self._headings(series)]

    def rows(self) -> list[tuple[str, list[str]]]:
        """Rows of the data table: the category and its formatted values."""
        return [
            (category, [cell for series in self.series for cell in self._cells(series, index)])
            for index, category in enumerate(self.categories)
        ]

    def _headings(self, series: Series) -> list[str]:
        return [series.name, f"{series.name}, from", f"{series.name}, to"] if series.low else [series.name]

    def _cells(self, series: Series, index: int) -> list[str]:
        rows = [series.values, series.low, series.high] if series.low else [series.values]
        return [self._formatted(values[index]) for values in rows]

    def _formatted(self, value: float | None) -> str:
        if value is None:
            return "–"
        if self.unit == "percent":
            return figures.percent(value)
        if self.unit == "money":
            return figures.money(round(value), self.currency)
        return figures.integer(int(value)) if float(value).is_integer() else f"{value:,.2f}"


@dataclass(frozen=True, kw_only=True)
class Flow:
    """How many went from where to where, drawn as a Sankey diagram, the largest stream first.

    `streams` are (from, to, count). A place stands on the left as a source and on the right as a target, so that
    people may go both ways.
    """

    title: str
    streams: Sequence[tuple[str, str, int]]
    category_label: str = "From and to"

    def spec(self) -> dict[str, Any]:
        """What charts.js reads, as JSON-ready values."""
        return {"kind": "flow", "streams": [list(stream) for stream in self.streams]}

    def columns(self) -> list[str]:
        """Headings of the data table, without that of the categories."""
        return ["Customers"]

    def rows(self) -> list[tuple[str, list[str]]]:
        """Rows of the data table."""
        return [(f"{start} → {end}", [figures.integer(count)]) for start, end, count in self.streams]
