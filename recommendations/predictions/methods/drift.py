"""Population stability index: how far what is scored today lies from what was learnt from.

    PSI = Σ (now − then) × ln(now ÷ then) over the parts of a column

Parts are the tenths of a column of numbers as they were then, the values of a column of text, and what is missing.
Below 0.1 nothing to speak of, from 0.25 on a model should be trained anew (Siddiqi, "Credit Risk Scorecards", 2006).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .histories import Values
from .tables import MOST_LEVELS, Texts, is_text

PARTS = 10
SMALLEST_SHARE = 1e-4
NOTABLE, LARGE = 0.1, 0.25


def profile(values: Values | Texts) -> dict[str, Any]:
    """How a column is distributed, as plain values: the borders of its parts and the share of each."""
    if is_text(values):
        names, counts = np.unique(values, return_counts=True)
        parts = names[np.argsort(-counts, kind="stable")][:MOST_LEVELS].tolist()
        return {"levels": parts, "shares": _level_shares(values, parts)}
    numbers = values.astype(np.float64)
    known = numbers[~np.isnan(numbers)]
    edges = np.unique(np.quantile(known, np.linspace(0, 1, PARTS + 1)[1:-1])).tolist() if len(known) else []
    return {"edges": edges, "shares": _number_shares(numbers, edges)}


class Watch:
    """Columns that come in parts, held against their profiles then: shares are means over rows."""

    def __init__(self, profiles: Mapping[str, Mapping[str, Any]]) -> None:
        self._profiles = profiles
        self._sums = {name: np.zeros(len(then["shares"])) for name, then in profiles.items()}
        self._rows = dict.fromkeys(profiles, 0)

    def add(self, columns: Mapping[str, Values | Texts]) -> None:
        """Count some rows; columns without a profile are passed over."""
        for name, values in columns.items():
            if name in self._profiles and len(values):
                self._sums[name] += np.array(_shares(self._profiles[name], values)) * len(values)
                self._rows[name] += len(values)

    def indices(self) -> dict[str, float]:
        """The stability index of each column that had rows."""
        counts = {name: rows for name, rows in self._rows.items() if rows}
        return {
            name: _index(self._profiles[name]["shares"], self._sums[name] / rows)
            for name, rows in counts.items()
        }


def stability_index(then: Mapping[str, Any], now: Values | Texts) -> float:
    """The index of a column's values now against its profile then; 0 where there are no rows."""
    return _index(then["shares"], _shares(then, now)) if len(now) else 0.0


def _index(then: Sequence[float] | Values, now: Sequence[float] | Values) -> float:
    before, after = (np.maximum(np.array(one), SMALLEST_SHARE) for one in (then, now))
    return float(((after - before) * np.log(after / before)).sum())


def _shares(then: Mapping[str, Any], now: Values | Texts) -> list[float]:
    if "levels" in then:
        return _level_shares(now, then["levels"])
    return _number_shares(now.astype(np.float64), then["edges"])


def _level_shares(values: Values | Texts, levels: list[str]) -> list[float]:
    found = [float((values == level).mean()) for level in levels]
    return [*found, max(0.0, 1 - sum(found))]


def _number_shares(numbers: Values, edges: list[float]) -> list[float]:
    missing = np.isnan(numbers)
    parts = np.searchsorted(edges, numbers[~missing], side="right")
    counts = np.bincount(parts, minlength=len(edges) + 1)
    shares: list[float] = (np.append(counts, missing.sum()) / max(len(numbers), 1)).tolist()
    return shares
