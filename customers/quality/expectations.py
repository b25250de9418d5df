"""What a source promises of its rows: the `expectations` of a mapping, checked and compiled.

Each entry names one promise and its `level`: `warn` shows, `error` keeps the row out (or, of a promise about the whole
run, turns the source's light red).
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from customers.quality.formats import CURRENCIES, FORMATS, as_number

LONGEST_REASON = 200
Cell = Callable[[str], bool]
_COLUMN = {"type": "string", "minLength": 1, "maxLength": 100}
_TEXTS = {"type": "array", "items": {"type": "string"}, "minItems": 1, "maxItems": 1000}


def _entry(*, needs_column: bool, **promise: Any) -> dict[str, Any]:
    column = {"column": _COLUMN} if needs_column else {}
    return {
        "type": "object",
        "additionalProperties": False,
        "required": [*promise, *column, "level"],
        "properties": {**promise, **column, "level": {"enum": ["warn", "error"]}},
    }


def _object(required: Iterable[str] = (), **properties: Any) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "required": list(required),
        "minProperties": 1,
        "properties": properties,
    }


_POSITIVE = {"type": "number", "exclusiveMinimum": 0}
ROW_PROMISES: dict[str, dict[str, Any]] = {
    "required": {"const": True},
    "format": {"enum": sorted(FORMATS)},
    "accepted": _TEXTS,
    "currencies": {"type": "array", "items": {"enum": sorted(CURRENCIES)}, "minItems": 1},
    "units": _TEXTS,
    "range": _object(min={"type": "number"}, max={"type": "number"}),
}
RUN_PROMISES: dict[str, dict[str, Any]] = {
    "unique": {"type": "array", "items": _COLUMN, "minItems": 1, "maxItems": 10},
    "volume": _object(["within_percent"], within_percent=_POSITIVE),
    "freshness": _object(["hours"], hours=_POSITIVE),
}
EXPECTATIONS_SCHEMA: dict[str, Any] = {
    "type": "array",
    "maxItems": 200,
    "items": {
        "oneOf": [
            *(_entry(needs_column=True, **{name: spec}) for name, spec in ROW_PROMISES.items()),
            _entry(needs_column=True, empty_share=_object(["within_points"], within_points=_POSITIVE)),
            *(_entry(needs_column=False, **{name: spec}) for name, spec in RUN_PROMISES.items()),
        ]
    },
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CellPromise:
    """A promise about each cell of one column; `fault` says of a cell what is wrong with it."""

    column: str
    is_error: bool
    holds: Cell
    fault: str
    reads_empty: bool = False

    @property
    def reason(self) -> str:
        """What a row is refused for."""
        return f"{self.column} {self.fault}"[:LONGEST_REASON]


@dataclass(frozen=True, slots=True, kw_only=True)
class UniquePromise:
    """No two rows of a run are alike in these columns."""

    columns: tuple[str, ...]
    is_error: bool

    @property
    def reason(self) -> str:
        """What a row is refused for."""
        return f"{' and '.join(self.columns)} repeated"[:LONGEST_REASON]


def cell_promises(expectations: Iterable[Mapping[str, Any]]) -> list[CellPromise]:
    """Compile the promises about cells; those about the whole run are left to `checks`."""
    return [
        _compiled(name, expectation)
        for expectation in expectations
        for name in ROW_PROMISES
        if name in expectation
    ]


def unique_promises(expectations: Iterable[Mapping[str, Any]]) -> list[UniquePromise]:
    """Compile the promises that keys are unique."""
    return [
        UniquePromise(columns=tuple(one["unique"]), is_error=one["level"] == "error")
        for one in expectations
        if "unique" in one
    ]


def _compiled(name: str, expectation: Mapping[str, Any]) -> CellPromise:
    holds, fault = _COMPILERS[name](expectation[name])
    return CellPromise(
        column=expectation["column"],
        is_error=expectation["level"] == "error",
        holds=holds,
        fault=fault,
        reads_empty=name == "required",
    )


def _required(spec: Any) -> tuple[Cell, str]:
    return lambda value: bool(value.strip()), "is empty"


def _format(spec: str) -> tuple[Cell, str]:
    holds, noun = FORMATS[spec]
    return holds, f"is not {noun}"


def _accepted(spec: list[str]) -> tuple[Cell, str]:
    return frozenset(spec).__contains__, "is not an accepted value"


def _currencies(spec: list[str]) -> tuple[Cell, str]:
    return frozenset(spec).__contains__, f"is not in {_some(spec)}"


def _units(spec: list[str]) -> tuple[Cell, str]:
    """A number and one of these units, with or without a space between."""
    longest_first = sorted(spec, key=len, reverse=True)

    def holds(value: str) -> bool:
        unit = next((unit for unit in longest_first if value.endswith(unit)), None)
        return unit is not None and as_number(value[: -len(unit)].rstrip()) is not None

    return holds, f"is not in {_some(spec)}"


def _some(names: list[str]) -> str:
    return " or ".join(names[:3]) + (" or others" if len(names) > 3 else "")


def _range(spec: Mapping[str, float]) -> tuple[Cell, str]:
    low, high = spec.get("min", float("-inf")), spec.get("max", float("inf"))

    def holds(value: str) -> bool:
        number = as_number(value)
        return number is not None and low <= number <= high

    if "max" not in spec:
        return holds, f"is below {low:g}"
    if "min" not in spec:
        return holds, f"is above {high:g}"
    return holds, f"is not between {low:g} and {high:g}"


_COMPILERS: dict[str, Callable[[Any], tuple[Cell, str]]] = {
    "required": _required,
    "format": _format,
    "accepted": _accepted,
    "currencies": _currencies,
    "units": _units,
    "range": _range,
}
