"""The shape that all reports share: one template draws it, and one CSV writer takes it away."""

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Literal

from common import figures
from common.charts import Chart, Flow
from common.clock import now
from common.money import exponent
from common.pagination import CursorPage
from common.spreadsheets import defused

Unit = Literal["text", "count", "percent", "money", "number"]
PERIODS = (30, 90, 365)
MOST_ROWS = 100


@dataclass(frozen=True, slots=True)
class Asked:
    """What a reader asked for: how many days back, which page, and whether all rows at once (for a file)."""

    days: int = 90
    cursor: str = ""
    is_file: bool = False

    @property
    def since(self) -> date:
        """The first day (UTC) of the period; it ends today."""
        return now().date() - timedelta(days=self.days - 1)


@dataclass(frozen=True, slots=True)
class Column:
    """A heading, what its figures are, and what they mean (empty where the heading says it)."""

    label: str
    unit: Unit = "count"
    about: str = ""
    is_heat: bool = False

    def shown(self, value: Any, currency: str) -> str:
        """A cell as people read it."""
        if value is None:
            return "–"
        if self.unit == "text":
            return str(value)
        if self.unit == "percent":
            return figures.percent(value, 2 if abs(value) < 0.01 else 1)
        if self.unit == "money":
            return figures.money(round(value), currency)
        return figures.integer(int(value)) if float(value).is_integer() else f"{value:,.1f}"

    def written(self, value: Any, currency: str) -> str:
        """A cell for a program: amounts in whole units of the currency, shares as fractions."""
        if value is None:
            return ""
        if self.unit == "money":
            places = exponent(currency)
            return f"{round(value) / 10**places:.{places}f}"
        return f"{value:.6g}" if self.unit == "percent" else str(value)


@dataclass(frozen=True, slots=True)
class Row:
    """The cells of a line, of which the first is its name, and where the name leads."""

    cells: Sequence[Any]
    url: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell ready for the page: its text, and for heat tables how strong its colour is (0 to 100)."""

    text: str
    is_number: bool
    heat: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What stands behind a chart. `rows` may be a generator where the table is only written to a file."""

    title: str
    columns: Sequence[Column]
    rows: Iterable[Row]
    currency: str
    subtitle: str = ""

    def body(self) -> list[tuple[Row, list[Cell]]]:
        """The rows with their cells as people read them."""
        return [
            (row, [self._cell(column, value) for column, value in zip(self.columns, row.cells, strict=True)])
            for row in self.rows
        ]

    def _cell(self, column: Column, value: Any) -> Cell:
        heat = round(100 * min(1.0, value)) if column.is_heat and value is not None else None
        return Cell(column.shown(value, self.currency), column.unit != "text", heat)


@dataclass(frozen=True, slots=True)
class Stat:
    """One figure at the top, with what it means."""

    label: str
    value: str
    hint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """A page. `sentences` go on after the headline, `notes` warn, `empty` says what to do where there is nothing yet;
    `page` pages the first table.
    """

    title: str
    headline: str
    as_of: datetime | None
    definitions: Sequence[tuple[str, str]]
    tables: Sequence[Table]
    charts: Sequence[Chart | Flow] = ()
    stats: Sequence[Stat] = ()
    sentences: Sequence[str] = ()
    notes: Sequence[str] = ()
    empty: str = ""
    tone: str = "info"
    has_period: bool = True
    page: CursorPage[Any] | None = None
    links: Sequence[tuple[str, str]] = field(default=())


def csv_lines(report: Report) -> Iterator[str]:
    """Yield a report's tables as CSV, harmless in a spreadsheet; where there are several, each under its title."""
    for number, table in enumerate(report.tables):
        if len(report.tables) > 1:
            yield from ([] if number == 0 else ["\r\n"])
            yield _line([table.title])
        units = [f" ({table.currency})" if column.unit == "money" else "" for column in table.columns]
        yield _line([column.label + unit for column, unit in zip(table.columns, units, strict=True)])
        for row in table.rows:
            cells = zip(table.columns, row.cells, strict=True)
            yield _line([column.written(value, table.currency) for column, value in cells])


def share(part: float, whole: float) -> float | None:
    """A part of a whole, None where there is no whole."""
    return part / whole if whole else None


def _line(cells: Iterable[str]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerow(map(defused, cells))
    return text.getvalue()
