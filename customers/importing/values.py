"""Compiles what a mapping says about one value into a function of a row.

A row is a list of texts without blanks around them. Compiled once for each file, called for each row: this is
the import's inner loop.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

from common.money import exponent
from customers.importing.schema import MappingError

Row = Sequence[str]
Text = Callable[[Row], str]
Number = Callable[[Row], Decimal | None]
Condition = Callable[[Row], bool]
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")
_MAX_DIGITS = 18
_ONE = Decimal(1)
KEPT = 100_000


class BadRow(ValueError):
    """The row cannot become an event; the message is the reason it is counted under."""


class Columns:
    """The columns of a file, by name."""

    def __init__(self, names: Sequence[str]) -> None:
        self._index = {name: index for index, name in enumerate(names)}

    def index(self, name: str) -> int:
        """Return the position of a column. Raises MappingError where there is none of this name."""
        if name not in self._index:
            known = ", ".join(self._index)
            raise MappingError(f"There is no column {name!r}; the file has: {known}")
        return self._index[name]


def columns_of(mapping: object) -> set[str]:
    """Return the names of all columns that a mapping reads."""
    if isinstance(mapping, str):
        return set(_PLACEHOLDER.findall(mapping))
    if isinstance(mapping, Mapping):
        named = {mapping["column"]} if isinstance(mapping.get("column"), str) else set()
        multiplied = {name for name in mapping.get("multiply", []) if isinstance(name, str)}
        occurring = set(mapping["occurrence"]["of"]) if "occurrence" in mapping else set()
        inner = [columns_of(value) for key, value in mapping.items() if key not in ("multiply", "tables")]
        return named.union(multiplied, occurring, *inner)
    if isinstance(mapping, list):
        return set().union(*map(columns_of, mapping))
    return set()


def text(spec: Any, columns: Columns, tables: Mapping[str, Mapping[str, str]]) -> Text:
    """Compile a text: a constant, a template such as `c{CustomerID}@example.com`, or one looked up in a table.

    A template whose every column is empty is empty: no customer id makes no address.
    """
    if not isinstance(spec, dict):
        return _template(str(spec), columns)
    plain = _template(spec["value"], columns)
    if spec.get("lower"):
        plain = _lowered(plain)
    return _looked_up(plain, tables[spec["table"]], spec.get("default")) if "table" in spec else plain


def _lowered(plain: Text) -> Text:
    return lambda row: plain(row).lower()


def _looked_up(plain: Text, table: Mapping[str, str], default: str | None) -> Text:
    def look_up(row: Row) -> str:
        key = plain(row)
        found = table.get(key, default)
        if found is None:
            if not key:
                return ""
            raise BadRow("not_in_table")
        return found

    return look_up


def _template(template: str, columns: Columns) -> Text:
    parts = _PLACEHOLDER.split(template)
    literals, indexes = parts[::2], [columns.index(name) for name in parts[1::2]]
    if not indexes:
        return lambda row: template
    if len(indexes) == 1:
        return _around(literals[0], indexes[0], literals[1])
    pick = itemgetter(*indexes)
    pattern = "%s".join(literal.replace("%", "%%") for literal in literals)

    def fill(row: Row) -> str:
        values = pick(row)
        return pattern % values if any(values) else ""

    return fill


def _around(before: str, index: int, after: str) -> Text:
    if not before and not after:
        return itemgetter(index)
    return lambda row: f"{before}{row[index]}{after}" if row[index] else ""


def number(spec: Any, columns: Columns) -> Number:
    """Compile a number: a column's, a constant, or a product of them. Empty means None. Raises BadRow."""
    if not isinstance(spec, dict):
        return _factor(spec, columns)
    if "multiply" in spec:
        factors = [
            _factor(f"{{{name}}}" if isinstance(name, str) else name, columns) for name in spec["multiply"]
        ]
        plain = _product(factors)
    else:
        plain = _factor(spec["value"], columns)
    if not (spec.get("negate") or spec.get("absolute")):
        return plain
    sign = -1 if spec.get("negate") else 1
    return _signed(plain, sign, absolute=bool(spec.get("absolute")))


def amount(spec: Any, columns: Columns) -> Callable[[Row, str], int | None]:
    """Compile an amount of money: written in major units, returned in minor ones of the currency given.

    Halves are rounded away from zero. The same few numbers come again and again, so results are kept.
    """
    read = number(spec, columns)
    named = sorted(columns_of({"value": spec}))
    indexes = [columns.index(name) for name in named]
    kept: dict[tuple[str, ...], int | None] = {}

    def convert(row: Row, currency: str) -> int | None:
        key = (currency, *[row[index] for index in indexes])
        if key in kept:
            return kept[key]
        if len(kept) >= KEPT:
            kept.clear()
        value = read(row)
        kept[key] = None if value is None else _minor(value, currency)
        return kept[key]

    return convert


def _minor(value: Decimal, currency: str) -> int:
    try:
        return int(value.scaleb(exponent(currency)).quantize(_ONE, ROUND_HALF_UP))
    except InvalidOperation as error:
        raise BadRow("bad_number") from error


def whole(spec: Any, columns: Columns) -> Callable[[Row], int | None]:
    """Compile a whole number; one with a fraction raises BadRow."""
    read = number(spec, columns)

    def convert(row: Row) -> int | None:
        value = read(row)
        if value is None:
            return None
        result = int(value)
        if result != value:
            raise BadRow("quantity_not_whole")
        return result

    return convert


def _signed(plain: Number, sign: int, *, absolute: bool) -> Number:
    def signed(row: Row) -> Decimal | None:
        value = plain(row)
        if value is None:
            return None
        return (abs(value) if absolute else value) * sign

    return signed


def _product(factors: Sequence[Number]) -> Number:
    def product(row: Row) -> Decimal | None:
        result = Decimal(1)
        for factor in factors:
            value = factor(row)
            if value is None:
                return None
            result *= value
        return result

    return product


def _factor(spec: str | float, columns: Columns) -> Number:
    if not isinstance(spec, str):
        constant = Decimal(str(spec))
        return lambda row: constant
    read = _template(spec, columns)

    def parse(row: Row) -> Decimal | None:
        written = read(row)
        return parse_number(written) if written else None

    return parse


@lru_cache(maxsize=65536)
def parse_number(written: str) -> Decimal:
    """Read a plain decimal number with a point, as in `-12.50`. Raises BadRow."""
    try:
        value = Decimal(written)
    except InvalidOperation as error:
        raise BadRow("bad_number") from error
    if not value.is_finite() or abs(value.adjusted()) > _MAX_DIGITS:
        raise BadRow("bad_number")
    return value


def moment(spec: Mapping[str, str], columns: Columns) -> Callable[[Row], datetime]:
    """Compile a time. Rows of one order share theirs, so the last one read is kept. Raises BadRow."""
    index = columns.index(spec["column"])
    parse = _parser(spec.get("format", "iso"))
    zone = ZoneInfo(spec["zone"]) if "zone" in spec else None
    kept: tuple[str, datetime] = ("", datetime(1, 1, 1, tzinfo=UTC))

    def read(row: Row) -> datetime:
        nonlocal kept
        written = row[index]
        if written != kept[0]:
            kept = (written, _aware(parse, written, zone))
        return kept[1]

    return read


def _parser(form: str) -> Callable[[str], datetime]:
    if form == "iso":
        return datetime.fromisoformat
    if form == "unix":
        return lambda written: datetime.fromtimestamp(float(written), UTC)
    return lambda written: datetime.strptime(written, form)


def _aware(parse: Callable[[str], datetime], written: str, zone: tzinfo | None) -> datetime:
    try:
        at = parse(written)
        if at.tzinfo is None:
            if zone is None:
                raise BadRow("time_without_zone")
            at = at.replace(tzinfo=zone)
        return at.astimezone(UTC)
    except (ValueError, OverflowError, OSError) as error:
        raise error if isinstance(error, BadRow) else BadRow("bad_time") from error


def condition(spec: Mapping[str, Any], columns: Columns) -> Condition:
    """Compile a condition on a row. A comparison with a text that is no number is false."""
    if "all" in spec:
        inner = [condition(part, columns) for part in spec["all"]]
        return lambda row: all(part(row) for part in inner)
    if "any" in spec:
        inner = [condition(part, columns) for part in spec["any"]]
        return lambda row: any(part(row) for part in inner)
    if "not" in spec:
        negated = condition(spec["not"], columns)
        return lambda row: not negated(row)
    return _comparison(spec, columns.index(spec["column"]))


def _comparison(spec: Mapping[str, Any], index: int) -> Condition:
    operator = next(name for name in spec if name != "column")
    operand = spec[operator]
    if operator == "in":
        members = frozenset(operand)
        return lambda row: row[index] in members
    if operator == "starts_with":
        return lambda row: row[index].startswith(operand)
    if operator == "is_empty":
        return lambda row: (not row[index]) is operand
    if operator == "equals":
        return lambda row: row[index] == operand
    limit = Decimal(str(operand))
    below = operator == "less_than"
    return lambda row: _compares(row[index], limit, below=below)


def _compares(written: str, limit: Decimal, *, below: bool) -> bool:
    try:
        value = parse_number(written)
    except BadRow:
        return False
    return value < limit if below else value > limit
