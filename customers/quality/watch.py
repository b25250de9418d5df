"""Looks at every row as it is read: what each column holds, and whether the promises about it are kept.

Columns are looked at a batch at a time and by distinct value: five thousand rows of ten countries cost ten questions.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from common.clock import now
from customers.events_in import AHEAD
from customers.importing.values import Columns
from customers.quality.expectations import cell_promises, unique_promises
from customers.quality.formats import is_date, is_number

T = TypeVar("T")
_WRAP = 2**64
_KINDS = (("number", is_number), ("date", is_date))
_LONGEST_KEY = 200


@dataclass(slots=True)
class ColumnProfile:
    """What a column held: its narrowest type, its empty cells, and a checksum that no order of rows changes."""

    type: str = ""
    empty: int = 0
    checksum: int = 0

    def add(self, values: Counter[str]) -> None:
        """Take in a batch's cells, counted."""
        self.empty += sum(count for value, count in values.items() if not value.strip())
        self.checksum = (
            self.checksum + sum(cell_hash(value) * count for value, count in values.items())
        ) % _WRAP
        if self.type != "text":
            self.type = _type(self.type, values)

    def as_json(self) -> dict[str, Any]:
        """As it is kept with the run; JSON has no 64-bit integers that everybody reads alike."""
        return {"type": self.type or "empty", "empty": self.empty, "checksum": f"{self.checksum:016x}"}


@dataclass(slots=True)
class RunProfile:
    """What all rows of a run held together; `refused` are those that the mapping did not mean to refuse."""

    rows: int = 0
    refused: int = 0
    columns: dict[str, ColumnProfile] = field(default_factory=dict)
    faults: Counter[tuple[str, bool]] = field(default_factory=Counter)
    first_key: str = ""
    last_key: str = ""
    watermark: datetime | None = None
    seen: dict[tuple[str, ...], set[int]] = field(default_factory=dict)

    def note(self, keys: Sequence[str], times: Iterable[datetime]) -> None:
        """Widen the range of keys, and move the watermark; times in the future move nothing."""
        if keys:
            ends = [min(keys, key=_key_order), max(keys, key=_key_order)]
            known = [key for key in (self.first_key, self.last_key) if key]
            self.first_key = min([ends[0], *known], key=_key_order)[:_LONGEST_KEY]
            self.last_key = max([ends[1], *known], key=_key_order)[:_LONGEST_KEY]
        limit = now() + AHEAD
        newest = max((at for at in times if at <= limit), default=None)
        if newest is not None and (self.watermark is None or newest > self.watermark):
            self.watermark = newest

    def columns_as_json(self) -> dict[str, dict[str, Any]]:
        """The columns as they are kept with the run."""
        return {name: column.as_json() for name, column in self.columns.items()}


class Watch:
    """Looks at the rows of one file or page on behalf of a run."""

    def __init__(self, mapping: Mapping[str, Any], *, header: Sequence[str], profile: RunProfile) -> None:
        """Raises MappingError where a promise names a column that the file has not."""
        expectations = mapping.get("expectations", [])
        positions = Columns(header)
        self.profile, self._header = profile, list(header)
        self.meant = meant_reasons(mapping)
        self._cells = [(positions.index(one.column), one) for one in cell_promises(expectations)]
        self._unique = [
            ([positions.index(name) for name in one.columns], one) for one in unique_promises(expectations)
        ]
        for name in header:
            profile.columns.setdefault(name, ColumnProfile())

    def look(self, rows: Sequence[list[str] | str]) -> dict[int, str]:
        """Take the rows into the profile; return those that an `error` keeps out: position → reason.

        Rows that could not be read, or have another number of cells than the header, are not looked at.
        """
        width = len(self._header)
        whole = [position for position, row in enumerate(rows) if isinstance(row, list) and len(row) == width]
        self.profile.rows += len(whole)
        cells = list(zip(*(rows[position] for position in whole), strict=True)) or [()] * width
        counted = [Counter(column) for column in cells]
        for name, values in zip(self._header, counted, strict=True):
            self.profile.columns[name].add(values)
        refused: dict[int, str] = {}
        for index, promise in self._cells:
            faulty = {
                value
                for value in counted[index]
                if (promise.reads_empty or value.strip()) and not promise.holds(value)
            }
            if faulty:
                found = [whole[at] for at, value in enumerate(cells[index]) if value in faulty]
                self._note(found, promise.reason, promise.is_error, refused)
        for indexes, unique in self._unique:
            again = self._repeated(cells, whole, indexes, unique.columns)
            self._note(again, unique.reason, unique.is_error, refused)
        return refused

    def verdict(self, told: T, fault: str | None) -> T | str:
        """What becomes of a row: an event or a reason as its mapping `told`, unless a promise was broken.

        What a mapping refuses on purpose is refused for that.
        """
        if fault is None or (isinstance(told, str) and told in self.meant):
            return told
        return fault

    def _note(self, positions: Iterable[int], reason: str, is_error: bool, refused: dict[int, str]) -> None:
        """Count a fault; of several that keep a row out, the first declared is its reason."""
        found = [position for position in positions if position not in refused]
        if not found:
            return
        self.profile.faults[reason, is_error] += len(found)
        if is_error:
            refused.update(dict.fromkeys(found, reason))

    def _repeated(
        self, cells: list[tuple[str, ...]], whole: list[int], indexes: list[int], columns: tuple[str, ...]
    ) -> list[int]:
        """Positions of rows whose key came before in this run. About a hundred bytes are kept for each key."""
        seen = self.profile.seen.setdefault(columns, set())
        again = []
        for position, key in zip(whole, zip(*(cells[index] for index in indexes), strict=True), strict=True):
            hashed = hash(key)
            if hashed in seen:
                again.append(position)
            seen.add(hashed)
        return again


def meant_reasons(mapping: Mapping[str, Any]) -> frozenset[str]:
    """The reasons for which a mapping refuses rows on purpose (`reject: test_order`)."""
    return frozenset(kind["reject"] for kind in mapping.get("kinds", []) if "reject" in kind)


def cell_hash(value: str) -> int:
    """A 64-bit hash of a cell that is the same in every process; sums of it are the columns' checksums."""
    digest = hashlib.blake2b(value.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big")


def _type(known: str, values: Iterable[str]) -> str:
    """The narrowest of number, date and text that holds for what was known and for these values."""
    filled = [value for value in values if value.strip()]
    if not filled:
        return known
    for name, holds in _KINDS:
        if known in ("", name) and all(map(holds, filled)):
            return name
    return "text"


def _key_order(key: str) -> tuple[bool, int, str]:
    """Numbers by their size before everything else by the alphabet."""
    return (not key.isdecimal(), len(key) if key.isdecimal() else 0, key)
