"""Data files for the evaluation commands: CSV (gz too), read row by row, each fault with its line."""

from __future__ import annotations

import csv
import gzip
import math
import zlib
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from pathlib import Path
from typing import TextIO

import numpy as np

from recommendations.predictions.methods.histories import Purchases, Values
from recommendations.predictions.methods.tables import Table, Texts

BAD_INPUT = 2
"""The exit code of commands for a file or an option that they cannot use."""
MISSING = {"", "nan", "null", "none", "na", "n/a"}
OUTCOMES = {"1": 1.0, "0": 0.0, "true": 1.0, "false": 0.0, "yes": 1.0, "no": 0.0, "1.0": 1.0, "0.0": 0.0}
LARGEST_AMOUNT = 1e12
EPOCH = date(1970, 1, 1).toordinal()
Row = tuple[int, list[str]]


class UnreadableFileError(ValueError):
    """The file is not what it should be; the message says where."""


def read_purchases(file: Path) -> Purchases:
    """Read `customer,date,amount` (other columns are passed over): dates ISO 8601, the amount any currency.

    Customers are numbered in the order in which they come; amounts of one day are added up, returns below zero too.
    """
    numbers: dict[str, int] = {}
    days: dict[str, int] = {}
    who, when, much = array("q"), array("q"), array("d")
    with opened(file) as lines:
        header, rows = table_rows(lines)
        customer, moment, amount = (_place(header, name) for name in ("customer", "date", "amount"))
        for line, cells in rows:
            name = cells[customer].strip()
            if not name:
                raise UnreadableFileError(f"line {line}: customer is empty")
            who.append(numbers.setdefault(name, len(numbers)))
            when.append(_day(cells[moment].strip(), days, line))
            much.append(_number(cells[amount], line=line, column="amount"))
    if not who:
        raise UnreadableFileError("there is no row below the header")
    return Purchases.of(
        np.frombuffer(who, dtype=np.int64), np.frombuffer(when, dtype=np.int64), np.frombuffer(much)
    )


def read_table(
    file: Path, *, outcomes: Sequence[str], drop: Iterable[str] = ()
) -> tuple[Table, list[Values]]:
    """Read all columns but `drop`; give those named `outcomes` (0/1, true/false, yes/no) apart, as 0 and 1.

    A column of which every value is a number or missing is numbers, any other is text.
    """
    left_out = set(drop)
    with opened(file) as lines:
        header, rows = table_rows(lines)
        places = [_place(header, name) for name in outcomes]
        for name in left_out:
            _place(header, name)
        kept = [at for at, name in enumerate(header) if name not in left_out and at not in places]
        cells_of: dict[int, list[str]] = {at: [] for at in kept}
        found: list[list[float]] = [[] for _ in outcomes]
        known: dict[str, str] = {}
        for line, cells in rows:
            for values, at in zip(found, places, strict=True):
                values.append(_outcome(cells[at], line=line, column=header[at]))
            for at in kept:
                value = cells[at].strip()
                cells_of[at].append(known.setdefault(value, value))
    if not found[0]:
        raise UnreadableFileError("there is no row below the header")
    if not kept:
        raise UnreadableFileError("no column is left to predict from")
    table = Table({header[at]: _column(cells_of.pop(at)) for at in kept})
    return table, [np.array(values) for values in found]


def table_rows(lines: TextIO) -> tuple[list[str], Iterator[Row]]:
    """The header, and each row below it with its line; empty lines are passed over."""
    reader = csv.reader(lines, strict=True)
    header = [name.strip() for name in next(reader, [])]
    if not any(header):
        raise UnreadableFileError("line 1: there is no header")
    twice = sorted({name for name in header if header.count(name) > 1})
    if twice:
        raise UnreadableFileError(f"line 1: the column {twice[0] or '(without a name)'} comes twice")
    return header, _rows(reader, width=len(header))


@contextmanager
def opened(file: Path) -> Iterator[TextIO]:
    """The text of a file, unzipped where its name ends in .gz; what cannot be read is an `UnreadableFileError`."""
    try:
        if file.suffix == ".gz":
            with gzip.open(file, "rt", encoding="utf-8-sig", newline="") as lines:
                yield lines
        else:
            with file.open(encoding="utf-8-sig", newline="") as lines:
                yield lines
    except UnicodeDecodeError as error:
        raise UnreadableFileError(f"it is not UTF-8 text ({error.reason})") from error
    except (OSError, EOFError, zlib.error) as error:
        raise UnreadableFileError(getattr(error, "strerror", None) or str(error)) from error


def _rows(reader: Iterator[list[str]], *, width: int) -> Iterator[Row]:
    line = 1
    try:
        for cells in reader:
            line = reader.line_num  # type: ignore[attr-defined]
            if not cells:
                continue
            if len(cells) != width:
                raise UnreadableFileError(f"line {line}: {len(cells)} cells under {width} columns")
            yield line, cells
    except csv.Error as error:
        raise UnreadableFileError(f"after line {line}: {error}") from error


def _place(header: Sequence[str], name: str) -> int:
    if name not in header:
        raise UnreadableFileError(f"line 1: there is no column {name}; there are {', '.join(header)}")
    return header.index(name)


def _day(value: str, known: dict[str, int], line: int) -> int:
    day = known.get(value)
    if day is None:
        try:
            day = known[value] = datetime.fromisoformat(value).toordinal() - EPOCH
        except ValueError:
            raise UnreadableFileError(f"line {line}: {value!r} is no date like 2026-03-31") from None
    return day


def _number(value: str, *, line: int, column: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not abs(number) <= LARGEST_AMOUNT:
        raise UnreadableFileError(f"line {line}: {value.strip()!r} in {column} is no amount")
    return number


def _outcome(value: str, *, line: int, column: str) -> float:
    outcome = OUTCOMES.get(value.strip().casefold())
    if outcome is None:
        raise UnreadableFileError(f"line {line}: {value.strip()!r} in {column} is neither 0 nor 1")
    return outcome


def _column(cells: list[str]) -> Values | Texts:
    try:
        numbers = np.array([math.nan if cell.casefold() in MISSING else float(cell) for cell in cells])
    except ValueError:
        return np.array(["" if cell.casefold() in MISSING else cell for cell in cells], dtype=np.object_)
    return np.where(np.isfinite(numbers), numbers, math.nan)
