"""Population stability index: how far what is scored today lies from what was learnt from.

    PSI = Σ (now − then) × ln(now ÷ then) over the parts of a column

Parts are the tenths of a column of numbers as they were then, the values of a column of text, and what is missing.
Below 0.1 nothing to speak of, from 0.25 on a model should be trained anew (Siddiqi, "Credit Risk Scorecards", 2006).
"""

from __future__ import annotations

from collections.abc import Mapping
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


def stability_index(then: Mapping[str, Any], now: Values | Texts) -> float:
    """The index of a column's values now against its profile then; 0 where there are no rows."""
    if not len(now):
        return 0.0
    shares = (
        _level_shares(now, then["levels"])
        if "levels" in then
        else _number_shares(now.astype(np.float64), then["edges"])
    )
    before, after = (np.maximum(np.array(one), SMALLEST_SHARE) for one in (then["shares"], shares))
    return float(((after - before) * np.log(after / before)).sum())


def _level_shares(values: Values | Texts, levels: list[str]) -> list[float]:
    found = [float((values == level).mean()) for level in levels]
    return [*found, max(0.0, 1 - sum(found))]


def _number_shares(numbers: Values, edges: list[float]) -> list[float]:
    missing = np.isnan(numbers)
    parts = np.searchsorted(edges, numbers[~missing], side="right")
    counts = np.bincount(parts, minlength=len(edges) + 1)
    shares: list[float] = (np.append(counts, missing.sum()) / max(len(numbers), 1)).tolist()
    return shares
