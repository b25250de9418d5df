"""What the second stage knows of a user and an item beside the signals: facts of the item, own past, price."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .base import FeatureTable, FloatArray, IntArray, positions
from .history import History

TREND_DAYS = (7.0, 28.0, 90.0)
NEVER_DAYS = 9_999.0
RECENT_DECAY = 0.75
PRICE = "price"
ITEM_NAMES = ("reach", "trend_7", "trend_28", "trend_90", "item_age", "repeat_rate", "item_gap", "price_band")
OWN_NAMES = (
    "own_count",
    "own_age",
    "own_gap",
    "own_due",
    "own_first_age",
    "own_looks",
    "own_look_age",
    "own_share",
    "own_steps",
    "own_recent",
    "own_weight",
)
USER_NAMES = ("moments", "breadth", "user_age", "user_repeat_rate", "basket", "price_of_user")
PAIR_NAMES = (*ITEM_NAMES, *OWN_NAMES, *USER_NAMES, "price_difference")


@dataclass(frozen=True, slots=True)
class OwnPast:
    """What users did with single items: one entry a (row, column) that ever met, sorted by `keys`.

    `keys` are row × width + column. Counts are of distinct days. Gaps are NaN before the second purchase. Steps
    count the user's later moments; `recent` sums weights that fade with them.
    """

    keys: IntArray
    counts: FloatArray
    last_ages: FloatArray
    first_ages: FloatArray
    gaps: FloatArray
    last_steps: FloatArray
    recent: FloatArray
    weights: FloatArray

    @classmethod
    def of(cls, past: History) -> OwnPast:
        """Sum `past` up by row and item, one day counting once."""
        keys = past.rows * past.width + past.columns
        days = np.floor(past.ages_days).astype(np.int64)
        order = np.lexsort((days, keys))
        keys, days, ages = keys[order], days[order], past.ages_days[order]
        fresh = np.diff(keys, prepend=-1).astype(bool) | np.diff(days, prepend=-1).astype(bool)
        distinct, start, length = np.unique(keys, return_index=True, return_counts=True)
        counts = _sums(fresh.astype(np.float32), start)
        last, first = ages[start], ages[start + length - 1]
        gaps = np.where(counts > 1, (first - last) / np.maximum(counts - 1, 1), np.nan)
        sums = [_sums(values[order], start) for values in (past.recent(RECENT_DECAY), past.weights)]
        steps = past.steps[order][start].astype(np.float32)
        return cls(distinct, counts, last, first, gaps.astype(np.float32), steps, *sums)

    def find(self, keys: IntArray) -> tuple[IntArray, npt.NDArray[np.bool_]]:
        """Where each of `keys` stands, and whether it does."""
        if not len(self.keys):
            return np.zeros(len(keys), dtype=np.int64), np.zeros(len(keys), dtype=np.bool_)
        places = np.minimum(np.searchsorted(self.keys, keys), len(self.keys) - 1)
        return places, self.keys[places] == keys


@dataclass(frozen=True, slots=True)
class ItemFacts:
    """One row an item, the columns of `ITEM_NAMES`; NaN where nothing is known."""

    values: FloatArray

    @classmethod
    def of(cls, history: History, price_bands: FloatArray) -> ItemFacts:
        """Count over everybody's `history`; `price_bands` has one a column, NaN where unknown."""
        bought = history.where(history.is_purchase)
        own = OwnPast.of(bought)
        columns = own.keys % history.width if history.width else own.keys
        width = history.width
        buyers = np.bincount(columns, minlength=width)
        again = np.bincount(columns, weights=own.counts > 1, minlength=width)
        gap_sum = np.bincount(columns, weights=np.nan_to_num(own.gaps), minlength=width)
        oldest = np.zeros(width)
        np.maximum.at(oldest, history.columns, history.ages_days)
        trends = [
            np.log1p(np.bincount(columns, weights=own.last_ages < days, minlength=width))
            for days in TREND_DAYS
        ]
        facts = [
            np.log1p(buyers),
            *trends,
            oldest,
            again / np.maximum(buyers, 1),
            np.where(again > 0, gap_sum / np.maximum(again, 1), np.nan),
            price_bands,
        ]
        return cls(np.stack(facts, axis=1).astype(np.float32))


def price_bands(table: FeatureTable, item_ids: IntArray) -> FloatArray:
    """The number behind `price:` among each item's features, NaN where there is none."""
    bands = np.full(len(item_ids), np.nan, dtype=np.float32)
    numbers = np.array([_band(name) for name in table.names], dtype=np.float32)
    rows = positions(item_ids, table.ids)
    found = numbers[table.columns] if len(numbers) else np.empty(0, dtype=np.float32)
    known = (rows >= 0) & ~np.isnan(found)
    bands[rows[known]] = found[known]
    return bands


def _band(name: str) -> float:
    kind, _, value = name.partition(":")
    try:
        return float(value) if kind == PRICE else np.nan
    except ValueError:
        return np.nan


def pair_features(past: History, rows: IntArray, columns: IntArray, items: ItemFacts) -> FloatArray:
    """One row a pair (row of `past`, column), the columns of `PAIR_NAMES`."""
    bought, looked = past.where(past.is_purchase), past.where(~past.is_purchase)
    own = _own(OwnPast.of(bought), OwnPast.of(looked), rows * past.width + columns)
    item = items.values[columns]
    price = ITEM_NAMES.index("price_band")
    user = _user(past, bought, items.values[:, price])[rows]
    gap = item[:, ITEM_NAMES.index("item_gap")]
    expected = np.where(np.isnan(own[:, 2]), gap, own[:, 2])
    own[:, 3] = own[:, 1] / np.maximum(expected, 1)
    own[:, 7] = own[:, 0] / np.maximum(user[:, 0], 1)
    difference = item[:, price] - user[:, -1]
    return np.column_stack([item, own, user, difference]).astype(np.float32)


def _own(bought: OwnPast, looked: OwnPast, keys: IntArray) -> FloatArray:
    own = np.full((len(keys), len(OWN_NAMES)), np.nan, dtype=np.float32)
    own[:, [0, 5, 9, 10]] = 0
    places, found = bought.find(keys)
    taken = places[found]
    columns = {
        0: bought.counts,
        1: bought.last_ages,
        2: bought.gaps,
        4: bought.first_ages,
        8: bought.last_steps,
        9: bought.recent,
        10: bought.weights,
    }
    for column, values in columns.items():
        own[found, column] = values[taken]
    places, found = looked.find(keys)
    own[found, 5] = looked.counts[places[found]]
    own[found, 6] = looked.last_ages[places[found]]
    return own


def _sums(values: FloatArray, starts: IntArray) -> FloatArray:
    return np.add.reduceat(values, starts) if len(starts) else np.empty(0, dtype=np.float32)


def _user(past: History, bought: History, prices: FloatArray) -> FloatArray:
    count = len(past)
    rows = past.rows
    moments, latest, oldest = np.zeros(count), np.full(count, NEVER_DAYS), np.zeros(count)
    np.maximum.at(moments, rows, past.steps + 1)
    np.minimum.at(latest, rows, past.ages_days)
    np.maximum.at(oldest, rows, past.ages_days)
    own = OwnPast.of(bought)
    owner = own.keys // past.width if past.width else own.keys
    breadth = np.bincount(owner, minlength=count)
    again = np.bincount(owner, weights=own.counts > 1, minlength=count)
    sums = np.bincount(owner, weights=own.counts, minlength=count)
    known = prices[own.keys % past.width if past.width else own.keys]
    priced = np.bincount(owner, weights=~np.isnan(known), minlength=count)
    spent = np.bincount(owner, weights=np.nan_to_num(known), minlength=count)
    mean_price = np.where(priced > 0, spent / np.maximum(priced, 1), np.nan)
    facts = [
        moments,
        breadth,
        latest,
        again / np.maximum(breadth, 1),
        sums / np.maximum(moments, 1),
        mean_price,
    ]
    return np.stack(facts, axis=1).astype(np.float32)
