"""What the columns of an experiment's file mean, and how their cells are read."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal, get_args

from common.money import exponent
from customers.texts import is_encodable

Kind = Literal["rate", "money", "number"]
EQUAL, UNKNOWN = "equal", "unknown"
"""What may be said of the planned split instead of shares."""
PLACES = 4
"""How many decimals a number is kept with, so that sums are exact."""
MOST_DIGITS = 15
MOST = 10**MOST_DIGITS
MOST_NAME = 100
_YES = frozenset({"1", "1.0", "true", "t", "yes", "y"})
_NO = frozenset({"0", "0.0", "false", "f", "no", "n"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Description:
    """What a colleague says of the experiment that is in no column; `ended_on` is the last day of its window."""

    key: str
    name: str
    ended_on: date
    window_days: int = 14
    hypothesis: str = ""
    learnings: str = ""
    alpha: float = 0.05
    control_gets_no_mail: bool = False


class ImportProblem(ValueError):
    """The file cannot become an experiment; the message says where and what to do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedMetric:
    """What one column measured of each customer: whether (`rate`), how much `money`, or another `number`.

    Values are kept as integers: 0 or 1, minor units, ten-thousandths.
    """

    name: str
    column: str
    kind: Kind
    currency: str = ""

    @property
    def unit(self) -> float:
        """What one kept integer stands for, in what is shown: shares, minor units, or the number itself."""
        return 10.0**-PLACES if self.kind == "number" else 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnMapping:
    """Which column names the arm, which of its values is the control, and what was measured.

    `before` is a column with what was known of each customer before the start, or empty.
    """

    variant: str
    control: str
    metrics: tuple[ImportedMetric, ...]
    before: str = ""

    def check(self, header: Sequence[str]) -> None:
        """Raise ImportProblem for columns that are not in the file, or that are used for two things."""
        if not self.metrics:
            raise ImportProblem("Say at least one column that measured something.")
        used = [self.variant, *(one.column for one in self.metrics), *([self.before] if self.before else [])]
        for column in used:
            if column not in header:
                raise ImportProblem(f"There is no column “{column}”; the file has: {', '.join(header)}.")
        if repeated := {column for column in used if used.count(column) > 1}:
            raise ImportProblem(f"Column “{repeated.pop()}” cannot be two things at once.")
        names = [one.name for one in self.metrics]
        for name in (*names, self.before):
            check_name(name)
        if repeated := {name for name in names if names.count(name) > 1}:
            raise ImportProblem(f"Two metrics are called “{repeated.pop()}”.")


def metric_of(text: str) -> ImportedMetric:
    """Read `NAME=COLUMN:KIND[:CURRENCY]`, as the command line says it; a column may hold colons.

    Raises ImportProblem, naming what is wrong.
    """
    name, is_named, rest = text.partition("=")
    parts = rest.split(":")
    currency = parts.pop() if len(parts) > 2 and parts[-2] == "money" else ""
    kind = parts.pop() if len(parts) > 1 else ""
    if not (is_named and name.strip() and parts != [""]) or kind not in get_args(Kind):
        raise ImportProblem(f"“{text}” is no metric: write NAME=COLUMN:rate, :number or :money:EUR.")
    return checked_metric(name=name.strip(), column=":".join(parts), kind=kind, currency=currency)


def checked_metric(*, name: str, column: str, kind: str, currency: str) -> ImportedMetric:
    """The metric, where money has a currency and nothing else has one. Raises ImportProblem."""
    if kind == "money" and not (len(currency) == 3 and currency.isascii() and currency.isupper()):
        raise ImportProblem(f"Say the currency of “{name}” in three capital letters, such as EUR.")
    found: Kind = next(one for one in get_args(Kind) if one == kind)
    return ImportedMetric(name=name, column=column, kind=found, currency=currency if kind == "money" else "")


def check_name(name: str) -> None:
    """Raise ImportProblem for what cannot be kept as a name: too long, or not text."""
    if len(name) > MOST_NAME:
        raise ImportProblem(f"“{name[:40]}…” is too long for a name: {MOST_NAME} letters at most.")
    if "\0" in name or not is_encodable(name):
        shown = name.replace("\0", "�").encode(errors="replace").decode()
        raise ImportProblem(f"“{shown}” holds bytes that are no text. Save the file as CSV (UTF-8).")


def reader_of(metric: ImportedMetric) -> Callable[[str], int]:
    """The function that reads a cell of this metric; it raises ValueError with what a cell should be."""
    if metric.kind == "rate":
        return whether
    return amount_reader(exponent(metric.currency) if metric.kind == "money" else PLACES)


def whether(cell: str) -> int:
    """1 for yes and 0 for no, however written. Raises ValueError."""
    text = cell.lower()
    if text in _YES:
        return 1
    if text in _NO:
        return 0
    raise ValueError("neither yes nor no: write 1 or 0")


def amount_reader(places: int) -> Callable[[str], int]:
    """A function that reads a plain decimal as an integer of so many decimal places, halves away from zero."""

    def read(cell: str) -> int:
        try:
            value = Decimal(cell)
        except ArithmeticError:
            value = Decimal("nan")
        if not value.is_finite():
            raise ValueError("not a number: write it plain, such as 1234.50")
        if value and value.adjusted() > MOST_DIGITS:  # before int(), which would write all of its digits
            raise ValueError("too large to be true")
        kept = int(value.scaleb(places).to_integral_value(rounding=ROUND_HALF_UP)) if value else 0
        if abs(kept) > MOST:
            raise ValueError("too large to be true")
        return kept

    return read
