"""Files of interactions and features, read as a stream; what cannot be read is named with its line."""

from __future__ import annotations

import csv
import gzip
import json
import math
import zlib
from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TextIO

import numpy as np

from recommendations.engines.base import BoolArray, FeatureTable, Interactions

USER, ITEM, TIMESTAMP, WEIGHT = "user", "item", "timestamp", "weight"
ROLES = (USER, ITEM, TIMESTAMP, WEIGHT)
MISSING = frozenset({"", "nan", "null", "none", "na", "n/a"})
LAST_SECOND = 253_402_300_799  # the end of the year 9999
MOST_CATEGORIES = 20
BANDS = 10
LEAST_WEIGHT, MOST_WEIGHT = 1e-6, 1e6
SEED = 1


class UnreadableError(Exception):
    """The file says something that cannot be understood; the message names the line."""


@dataclass(slots=True)
class Log:
    """What a file told. Ids are places in `users` and `items`.

    Items are numbered at random (with a seed): numbers in the order of the file would tell engines that break ties by
    number what comes up when, and what beside what, in the test too. `left_out` counts rows by why they were left out.
    Without times (lines of sequences) an interaction's time is its place in its user's line.
    """

    interactions: Interactions
    users: list[str]
    items: list[str]
    has_times: bool
    left_out: Counter[str]


@dataclass(slots=True)
class _Columns:
    """Growing arrays: 8 + 8 + 8 + 4 bytes an interaction."""

    users: array[int] = field(default_factory=lambda: array("q"))
    items: array[int] = field(default_factory=lambda: array("q"))
    times: array[int] = field(default_factory=lambda: array("q"))
    weights: array[float] = field(default_factory=lambda: array("f"))


def read_log(path: Path, *, columns: Mapping[str, str] | None = None) -> Log:
    """Read a CSV (or tabs) with the columns user, item, timestamp and perhaps weight, or lines `user item item …`.

    Weights are taken relative to their median, between a fifth and five. Names ending in .gz are unzipped.
    `columns` says what the columns are called where the names differ. Rows without a user or an item, of a weight of
    zero or less, and doubles of an earlier row are left out and counted.
    Raises UnreadableError, and OSError where there is no such file.
    """
    names = {role: role for role in ROLES} | dict(columns or {})
    numbers: tuple[dict[str, int], dict[str, int]] = ({}, {})
    rows, left_out = _Columns(), Counter[str]()
    with opened(path) as lines:
        first = _first_line(lines, path)
        heading = _heading(first, names, path.name)
        has_times = heading is not None
        if heading is not None:
            _read_table(lines, heading, names, numbers, rows, left_out, path.name)
        else:
            _read_sequences(lines, first, numbers, rows, path.name)
    if not len(rows.users):
        raise UnreadableError(f"{path.name} has no usable row; {sum(left_out.values())} were left out.")
    interactions, items = shuffled(_distinct(rows, left_out), list(numbers[1]))
    return Log(interactions, list(numbers[0]), items, has_times, left_out)


def shuffled(interactions: Interactions, items: list[str]) -> tuple[Interactions, list[str]]:
    """The same with the items numbered at random, and their names in the new order."""
    number = np.random.default_rng(SEED).permutation(len(items))
    return replace(interactions, items=number[interactions.items]), [items[n] for n in np.argsort(number)]


def _first_line(lines: TextIO, path: Path) -> str:
    try:
        first = lines.readline()
    except (UnicodeDecodeError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableError(f"{path.name} is no text: {error}") from error
    if not first.strip():
        raise UnreadableError(f"{path.name}, line 1: there is neither a header nor a sequence.")
    return first


@dataclass(frozen=True, slots=True)
class _Heading:
    """The names of the columns and what stands between them."""

    names: list[str]
    separator: str


def _heading(first: str, names: Mapping[str, str], file: str) -> _Heading | None:
    """The heading of a table; None before lines of sequences, whose items have blanks between them."""
    for separator in ("\t", ","):
        if separator not in first:
            continue
        try:
            columns = next(csv.reader([first.removeprefix("\ufeff")], delimiter=separator, strict=True))
        except csv.Error as error:
            raise UnreadableError(f"{file}, line 1: {error}.") from error
        if separator == "," or names[USER] in columns:
            return _Heading(columns, separator)
    if "\t" in first:
        raise UnreadableError(
            f"{file}, line 1: there are tabs, but no heading with a column {names[USER]!r}. Name the columns in the "
            "first line, or put blanks between the items of a sequence."
        )
    return None


def _read_table(
    lines: TextIO,
    heading: _Heading,
    names: Mapping[str, str],
    numbers: tuple[dict[str, int], dict[str, int]],
    rows: _Columns,
    left_out: Counter[str],
    file: str,
) -> None:
    columns = heading.names
    places = [_place(columns, names[role], file) for role in (USER, ITEM, TIMESTAMP)]
    user_at, item_at, time_at = places
    weight_at = columns.index(names[WEIGHT]) if names[WEIGHT] in columns else -1
    users, items = numbers
    for line, row in _table_rows(lines, heading.separator, file):
        try:
            user, item = row[user_at].strip(), row[item_at].strip()
            if user.lower() in MISSING or item.lower() in MISSING:
                left_out["without a user or an item"] += 1
                continue
            weight = _number(row[weight_at], names[WEIGHT]) if weight_at >= 0 else 1.0
            if weight <= 0:
                left_out["with a weight of zero or less"] += 1
                continue
            if not LEAST_WEIGHT <= weight <= MOST_WEIGHT:
                raise ValueError(
                    f"the weight {row[weight_at]!r} is not between {LEAST_WEIGHT:f} and {MOST_WEIGHT:,.0f}"
                )
            at = seconds(row[time_at].strip())
        except IndexError:
            raise UnreadableError(
                f"{file}, line {line}: there are {len(row)} columns, the header has {len(columns)}."
            ) from None
        except ValueError as error:
            raise UnreadableError(f"{file}, line {line}: {error}.") from error
        rows.users.append(users.setdefault(user, len(users)))
        rows.items.append(items.setdefault(item, len(items)))
        rows.times.append(at)
        rows.weights.append(weight)


def _table_rows(lines: TextIO, separator: str, file: str) -> Iterator[tuple[int, list[str]]]:
    """Each row below the header with the line where it begins: there stands the quotation mark that is not closed."""
    reader = csv.reader(lines, delimiter=separator, strict=True)
    line = 2
    try:
        for row in reader:
            if row:
                yield line, row
            line = reader.line_num + 2
    except csv.Error as error:
        message = f"{file}, line {line}: {error}; is a quotation mark of this row not closed?"
        raise UnreadableError(message) from error
    except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableError(f"{file}, line {line}: {error}.") from error


def _place(heading: Sequence[str], name: str, file: str) -> int:
    if name not in heading:
        raise UnreadableError(f"{file}, line 1: there is no column {name!r}; there are {', '.join(heading)}.")
    return heading.index(name)


def _number(value: str, name: str) -> float:
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError(f"the {name} {value!r} is no number")
    return number


def _read_sequences(
    lines: TextIO, first: str, numbers: tuple[dict[str, int], dict[str, int]], rows: _Columns, file: str
) -> None:
    users, items = numbers
    lengths: dict[int, int] = {}
    number, line = 0, first
    try:
        while line:
            number += 1
            name, *sequence = line.split() or [""]
            if name and not sequence:
                raise ValueError(f"user {name!r} has no item")
            if name:
                user = users.setdefault(name, len(users))
                begin = lengths.get(user, 0)
                lengths[user] = begin + len(sequence)
                rows.users.extend([user] * len(sequence))
                rows.items.extend([items.setdefault(item, len(items)) for item in sequence])
                rows.times.extend(range(begin, begin + len(sequence)))
                rows.weights.extend([1.0] * len(sequence))
            line = lines.readline()
    except (ValueError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableError(f"{file}, line {number}: {error}.") from error


def _distinct(rows: _Columns, left_out: Counter[str]) -> Interactions:
    """The rows without doubles (same user, item and time; the first counts), in the order of the file."""
    users, items, times = (
        np.frombuffer(column, dtype=np.int64) for column in (rows.users, rows.items, rows.times)
    )
    weights = np.frombuffer(rows.weights, dtype=np.float32)
    order = np.lexsort((items, times, users))
    same = np.zeros(len(order), dtype=np.bool_)
    same[1:] = _repeats(users[order], items[order], times[order])
    kept = np.sort(order[~same])
    if len(kept) < len(order):
        left_out["doubles of another row"] = len(order) - len(kept)
    as_of = int(times.max()) + 1
    bought = np.ones(len(kept), dtype=np.bool_)
    strength = np.clip(weights[kept] / np.median(weights), 0.2, 5).astype(np.float32)
    return Interactions(users[kept], items[kept], strength, times[kept], as_of, bought)


def _repeats(*columns: np.ndarray[tuple[int], np.dtype[np.int64]]) -> BoolArray:
    return np.logical_and.reduce([column[1:] == column[:-1] for column in columns])


@contextmanager
def opened(path: Path) -> Iterator[TextIO]:
    """The text of a file, unzipped where its name ends in .gz."""
    if path.suffix == ".gz":
        with gzip.open(path, "rt", encoding="utf-8", newline="") as lines:
            yield lines
    else:
        with path.open(encoding="utf-8", newline="") as lines:
            yield lines


@lru_cache(maxsize=65_536)
def seconds(value: str) -> int:
    """Seconds since 1970 of a number or of an ISO 8601 time (UTC unless it says); ValueError for anything else."""
    try:
        number = float(value)
    except ValueError:
        try:
            parsed = datetime.fromisoformat(value)
        except ValueError:
            raise ValueError(f"the time {value!r} is neither ISO 8601 nor seconds since 1970") from None
        return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())
    if not 0 <= number <= LAST_SECOND:
        raise ValueError(f"the time {value!r} is not within the years 1970 to 9999 (seconds are meant)")
    return int(number)


def read_features(path: Path, names: Sequence[str]) -> FeatureTable:
    """Features of the users or items called `names`; others are passed over.

    A JSON object of lists (`{"17": ["red", 4]}`), or a CSV whose first column is the id: each value is a feature
    `column:value`, numbers of more than 20 kinds are put into ten bands. Raises UnreadableError.
    """
    try:
        with opened(path) as lines:
            if path.name.removesuffix(".gz").endswith(".json"):
                features = _listed(lines, path.name)
            else:
                features = _tabled(lines, path.name)
    except (UnicodeDecodeError, EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise UnreadableError(f"{path.name} is no text: {error}") from error
    except csv.Error as error:
        raise UnreadableError(f"{path.name}, line 1: {error}.") from error
    numbers = {name: number for number, name in enumerate(names)}
    return FeatureTable.from_names(
        {numbers[name]: values for name, values in features.items() if name in numbers}
    )


def _listed(lines: TextIO, file: str) -> dict[str, list[str]]:
    try:
        content = json.load(lines)
    except ValueError as error:
        raise UnreadableError(f"{file} is no JSON: {error}") from error
    if not isinstance(content, dict):
        raise UnreadableError(f"{file}: an object of lists is needed, one list an id.")
    for name, values in content.items():
        if not isinstance(values, list) or any(isinstance(value, (dict, list)) for value in values):
            raise UnreadableError(f"{file}: the features of {name!r} are no list of names or numbers.")
    return {name: sorted({str(value) for value in values}) for name, values in content.items() if values}


def _tabled(lines: TextIO, file: str) -> dict[str, list[str]]:
    heading = next(csv.reader([lines.readline()]), [])
    if len(heading) < 2:
        raise UnreadableError(f"{file}, line 1: an id and at least one feature are needed.")
    table: dict[str, list[str]] = {}
    for line, row in _table_rows(lines, ",", file):
        if len(row) != len(heading):
            raise UnreadableError(
                f"{file}, line {line}: there are {len(row)} columns, the header has {len(heading)}."
            )
        table[row[0].strip()] = [value.strip() for value in row[1:]]
    columns = [_banded([values[n] for values in table.values()]) for n in range(len(heading) - 1)]
    features: dict[str, list[str]] = {}
    for number, name in enumerate(table):
        known = [(heading[n + 1], column[number]) for n, column in enumerate(columns)]
        features[name] = [f"{label}:{value}" for label, value in known if value.lower() not in MISSING]
    return {name: values for name, values in features.items() if values}


def _banded(values: list[str]) -> list[str]:
    """Numbers of more than twenty kinds as bands of equal count, all else as it is."""
    given = [value for value in values if value.lower() not in MISSING]
    if len(set(given)) <= MOST_CATEGORIES:
        return values
    try:
        edges = np.quantile([float(value) for value in given], np.arange(1, BANDS) / BANDS)
    except ValueError:
        return values
    return [
        value if value.lower() in MISSING else str(np.searchsorted(edges, float(value))) for value in values
    ]
