"""Columns of numbers and of text, and the matrix that learners take."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .histories import Integers, Values

Texts = npt.NDArray[np.str_] | npt.NDArray[np.object_]
MOST_LEVELS = 20
RAREST_LEVEL = 0.005


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of equal length by name: numbers (missing: NaN) or text (missing: '')."""

    columns: Mapping[str, Values | Texts]

    def __len__(self) -> int:
        return len(next(iter(self.columns.values()))) if self.columns else 0

    def rows(self, wanted: Integers | npt.NDArray[np.bool_]) -> Table:
        """The table with only these rows."""
        return Table({name: values[wanted] for name, values in self.columns.items()})

    def joined(self, other: Table) -> Table:
        """The rows of this table, then those of another with the same columns."""
        together = {name: np.concatenate([one, other.columns[name]]) for name, one in self.columns.items()}
        return Table(together)

    def shuffled(self, name: str, generator: np.random.Generator) -> Table:
        """The table with the values of one column dealt out anew."""
        return Table({**self.columns, name: generator.permutation(self.columns[name])})

    def without(self, names: Iterable[str]) -> Table:
        """The table without these columns."""
        left_out = set(names)
        return Table({name: values for name, values in self.columns.items() if name not in left_out})

    def fill_rates(self) -> dict[str, float]:
        """For each column the share of rows with a value."""
        return {name: float(_is_filled(values).mean()) for name, values in self.columns.items()}


def is_text(values: Values | Texts) -> bool:
    """Whether a column is text: of fixed width, or (long ones, from files) references to `str`."""
    return values.dtype.kind in "UO"


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a table becomes a matrix: a column of numbers as it is, one of text as one column a frequent value."""

    levels: Mapping[str, list[str] | None]

    @classmethod
    def of(cls, table: Table) -> Encoding:
        """Remember the frequent values (≥ .5 % of rows, at most 20) of each text column of `table`."""
        return cls({name: _levels(values) for name, values in table.columns.items()})

    def matrix(self, table: Table) -> Values:
        """A row each of `table`'s, at least one column; missing numbers stay NaN. `KeyError` for a lost column."""
        columns: list[Values] = []
        for name, levels in self.levels.items():
            values = table.columns[name]
            if levels is None:
                columns.append(values.astype(np.float64))
            else:
                columns += [(values == level).astype(np.float64) for level in levels]
        return np.stack(columns, axis=1) if columns else np.zeros((len(table), 1))

    def as_json(self) -> dict[str, Any]:
        """The columns in order with their values."""
        return {"columns": [[name, levels] for name, levels in self.levels.items()]}

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Encoding:
        """What `as_json` gave."""
        return cls(dict(stored["columns"]))


def _is_filled(values: Values | Texts) -> npt.NDArray[np.bool_]:
    return values != "" if is_text(values) else ~np.isnan(values.astype(np.float64))


def _levels(values: Values | Texts) -> list[str] | None:
    if not is_text(values):
        return None
    names, counts = np.unique(values, return_counts=True)
    order = np.lexsort((names, -counts))[:MOST_LEVELS]
    return [str(names[at]) for at in order if counts[at] >= RAREST_LEVEL * len(values)]
