"""The values of a condition, checked one by one. Each function raises ConditionError with the place."""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any, TypeVar

from segments.conditions.nodes import Value
from segments.conditions.vocabulary import OPERATORS, RANGES, UNITS, Kind

LONGEST_TEXT = 500
LONGEST_LIST = 500
MOST_PROPERTIES = 20
LARGEST_NUMBER = 10**15
LONGEST_WINDOW = timedelta(days=36_500)
EARLIEST_YEAR, LATEST_YEAR = 1800, 2200
DATE = r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
TIME = DATE + r"([T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,6})?)?(Z|[+-][0-9]{2}:[0-9]{2})?)?"
T = TypeVar("T")


class ConditionError(ValueError):
    """A condition that cannot be used. `path` is the place, `reason` what is wrong there."""

    def __init__(self, path: str, reason: str) -> None:
        self.path = path
        self.reason = reason
        super().__init__(f"{path or 'condition'}: {reason}")


def shown(value: object) -> str:
    """Return a short text of whatever was found, for a message."""
    if isinstance(value, str):
        return repr(value[:50])
    return repr(value) if value is None or isinstance(value, bool) else type(value).__name__


def join(path: str, key: str) -> str:
    """Return the place of a key below a path."""
    return f"{path}.{key}" if path else key


def mapping(document: object, path: str) -> dict[str, Any]:
    """Return the document if it is an object."""
    if not isinstance(document, dict):
        raise ConditionError(path, f"expected an object, found {type(document).__name__}.")
    return document


def only(node: dict[str, Any], known: Iterable[str], path: str) -> None:
    """Refuse keys that mean nothing here."""
    for key in node:
        if key not in known:
            raise ConditionError(join(path, str(key)[:50]), "is not known here.")


def one_of(known: Mapping[str, T], name: object, path: str, noun: str) -> T:
    """Return what a name stands for."""
    if not isinstance(name, str) or name not in known:
        raise ConditionError(path, f"there is no {noun} {shown(name)}; known are {', '.join(sorted(known))}.")
    return known[name]


def text(value: object, path: str) -> str:
    """Return a non-empty text that PostgreSQL can store."""
    if not isinstance(value, str):
        raise ConditionError(path, f"expected a text, found {type(value).__name__}.")
    if not value or len(value) > LONGEST_TEXT:
        raise ConditionError(path, f"a text has 1 to {LONGEST_TEXT} characters, this one has {len(value)}.")
    if "\0" in value or any("\ud800" <= letter <= "\udfff" for letter in value):
        raise ConditionError(path, "the text holds a character that cannot be stored.")
    return value


def texts(value: object, path: str) -> tuple[str, ...]:
    """Return one text or a list of them as a tuple."""
    if not isinstance(value, list):
        return (text(value, path),)
    if not 0 < len(value) <= LONGEST_LIST:
        raise ConditionError(path, f"a list has 1 to {LONGEST_LIST} values, this one has {len(value)}.")
    return tuple(text(item, f"{path}[{position}]") for position, item in enumerate(value))


def number(value: object, path: str) -> Decimal:
    """Return an exact number; a float counts as the decimal it is written as."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise ConditionError(path, f"expected a number, found {type(value).__name__}.")
    is_finite = value.is_finite() if isinstance(value, Decimal) else abs(value) < math.inf
    if not is_finite or not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        raise ConditionError(path, f"numbers go from -{LARGEST_NUMBER} to {LARGEST_NUMBER}.")
    return Decimal(str(value))


def whole(value: object, path: str) -> int:
    """Return a whole number."""
    exact = number(value, path)
    if exact != int(exact):
        raise ConditionError(path, "expected a whole number (money counts in minor units, 1999 for 19.99).")
    return int(exact)


def ranges(value: object, path: str) -> tuple[tuple[str, int], ...]:
    """Return `{"gte": 1, "lt": 5}` as pairs; a bare number means eq."""
    if not isinstance(value, dict):
        return (("eq", whole(value, path)),)
    return bounds(value, path, read=whole)


def bounds(value: object, path: str, *, read: Callable[[object, str], T]) -> tuple[tuple[str, T], ...]:
    """Return limits such as `{"gte": 1, "lt": 5}` as pairs, each number read by `read`."""
    given = mapping(value, path)
    only(given, RANGES, path)
    if not given:
        raise ConditionError(path, f"expected at least one of {', '.join(RANGES)}.")
    return tuple((op, read(bound, f"{path}.{op}")) for op, bound in given.items())


def count_bounds(value: object, path: str) -> tuple[int, int | None]:
    """Return the least and the most number of times; no time at all is counted as 0."""
    least, most = 0, LARGEST_NUMBER
    for op, bound in ranges(value, path):
        if bound < 0:
            raise ConditionError(path, "nothing happens fewer than 0 times.")
        least = max(least, {"eq": bound, "gte": bound, "gt": bound + 1}.get(op, 0))
        most = min(most, {"eq": bound, "lte": bound, "lt": bound - 1}.get(op, LARGEST_NUMBER))
    if least > most:
        raise ConditionError(path, "no number fits these limits.")
    if least == 0 and most == LARGEST_NUMBER:
        raise ConditionError(path, "every number fits these limits; say at least 1.")
    return least, None if most == LARGEST_NUMBER else most


def duration(value: object, path: str) -> timedelta:
    """Return `{"days": 90}` as a span of time; units are added up."""
    units = mapping(value, path)
    only(units, UNITS, path)
    amounts = {unit: whole(amount, f"{path}.{unit}") for unit, amount in units.items()}
    longest = LONGEST_WINDOW // timedelta(minutes=1)
    if not amounts or min(amounts.values()) < 0 or max(amounts.values()) > longest:
        raise ConditionError(path, 'expected a span such as {"days": 90}.')
    span = timedelta(**amounts)
    if not timedelta() < span <= LONGEST_WINDOW:
        raise ConditionError(path, f"a span is above 0 and at most {LONGEST_WINDOW.days} days.")
    return span


def instant(value: object, path: str) -> datetime:
    """Return an ISO date or time as an instant; without an offset it is UTC, a date is its midnight."""
    written = text(value, path)
    try:
        moment = datetime.fromisoformat(written) if re.fullmatch(TIME, written) else None
    except ValueError:
        moment = None
    if moment is None:
        raise ConditionError(path, "expected a time such as 2026-03-31T12:00:00Z.")
    if not EARLIEST_YEAR <= moment.year <= LATEST_YEAR:
        raise ConditionError(path, f"years go from {EARLIEST_YEAR} to {LATEST_YEAR}.")
    return moment.replace(tzinfo=moment.tzinfo or UTC).astimezone(UTC)


def interval(value: object, path: str) -> tuple[datetime, datetime]:
    """Return the two instants of `[from, to)`."""
    if not isinstance(value, list) or len(value) != 2:
        raise ConditionError(path, "expected a list of two times.")
    start, end = (instant(item, f"{path}[{position}]") for position, item in enumerate(value))
    if start >= end:
        raise ConditionError(path, "the first time must come before the second.")
    return start, end


def _day(value: object, path: str) -> date:
    written = text(value, path)
    try:
        day = date.fromisoformat(written) if re.fullmatch(DATE, written) else None
    except ValueError:
        day = None
    if day is None:
        raise ConditionError(path, "expected a date such as 1990-12-31.")
    return day


def _open(value: object, op: str, path: str) -> Value:
    if op in ("contains", "starts_with"):
        return text(value, path)
    if op in ("gt", "gte", "lt", "lte"):
        return number(value, path)
    if isinstance(value, bool):
        return value
    return text(value, path) if isinstance(value, str) else number(value, path)


def property_tests(value: object, path: str) -> tuple[tuple[str, Value], ...]:
    """Return what a property of an event is compared with, as pairs of operator and value.

    A bare value means eq, a list means in, `{"gte": 1, "lt": 5}` and `{"is_present": true}` are spelled out.
    """
    if isinstance(value, list):
        return (("in", operand(Kind.OPEN, "in", value, path)),)
    if not isinstance(value, dict):
        return (("eq", operand(Kind.OPEN, "eq", value, path)),)
    known = OPERATORS[Kind.OPEN]
    only(value, known, path)
    if not value:
        raise ConditionError(path, f"expected at least one of {', '.join(known)}.")
    return tuple((op, _property_operand(op, wanted, f"{path}.{op}")) for op, wanted in value.items())


def _property_operand(op: str, wanted: object, path: str) -> Value:
    if op not in ("is_missing", "is_present"):
        return operand(Kind.OPEN, op, wanted, path)
    if wanted is not True:
        raise ConditionError(path, f"{op} can only be true.")
    return None


def operand(kind: Kind, op: str, value: object, path: str) -> Value:
    """Return the value that a comparison of this kind and operator takes."""
    if op in ("in", "not_in"):
        if not isinstance(value, list):
            raise ConditionError(path, "expected a list of texts.")
        return texts(value, path)
    if op in ("within", "older_than"):
        return duration(value, path)
    if kind is Kind.BOOLEAN:
        if not isinstance(value, bool):
            raise ConditionError(path, "expected true or false.")
        return value
    if kind is Kind.OPEN:
        return _open(value, op, path)
    readers: dict[Kind, Callable[[object, str], Value]] = {
        Kind.COUNT: whole,
        Kind.NUMBER: number,
        Kind.TIME: instant,
        Kind.DATE: _day,
    }
    return readers.get(kind, text)(value, path)
