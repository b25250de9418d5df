"""Engines of one stage: neighbours, what followed what, linear regression, rules of pairs, buying again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from .base import Features, FloatArray, IntArray
from .history import History
from .one_signal import OneSignal
from .pair_features import OwnPast
from .signals import DenseScores, Neighbours
from .similarity import Scale, alike, confidence, cosine, ease, transitions

TREND_FLOOR = 0.1


@dataclass(frozen=True, slots=True)
class SequentialKnn(OneSignal):
    """Sequential nearest neighbours: what is near to the latest items, what followed them, and what is like them, the
    latest counting most (Ludewig and Jannach 2018, "Evaluation of session-based recommendation algorithms", UMUAI 28).

    A past item counts `decay` for each later moment. Its neighbours are those of the damped cosine, plus
    `follow_weight` × those that came up within `hops` moments after it; these sums are scaled so that a strong one
    (of the highest tenth) is 1, then `feature_weight` × the cosine of the items' features is added.
    """

    decay: float = 0.5
    power: float = 0.3
    damping: float = 10.0
    hops: int = 8
    fading: float = 0.5
    follow_weight: float = 3.0
    feature_weight: float = 0.6
    neighbours: int = 200
    name: ClassVar[str] = "sequential_knn"
    takes_new_items: ClassVar[bool] = True

    def signal(self, history: History, features: Features, item_ids: IntArray) -> Neighbours:
        """Learn what is near and what follows; items that nobody had yet come in by their features."""
        scale = Scale(self.power, self.damping, self.neighbours)
        follows = transitions(history, scale, hops=self.hops, fading=self.fading)
        near = (cosine(history, scale) + follows * self.follow_weight).tocsr()
        strong = np.sort(near.data)[-max(len(near.data) // 10, 1) :]
        near.data /= strong.mean() if len(strong) else 1
        if self.feature_weight and len(features.items.names):
            near = (
                near + alike(features.items, item_ids, keep=self.neighbours) * self.feature_weight
            ).tocsr()
        return Neighbours(self.name, near, self.decay)


@dataclass(frozen=True, slots=True)
class Ease(OneSignal):
    """A linear model of every item on all others: Steck 2019, WWW '19."""

    ridge: float = 100.0
    neighbours: int = 500
    name: ClassVar[str] = "ease"

    def signal(self, history: History, features: Features, item_ids: IntArray) -> Neighbours:
        """Solve for the weights; `features` are not used."""
        return Neighbours(self.name, ease(history, ridge=self.ridge, keep=self.neighbours), 1.0)


@dataclass(frozen=True, slots=True)
class RulePairs(OneSignal):
    """Rules "who takes this takes that": Agrawal and Srikant 1994, "Fast algorithms for mining association rules", of
    two items.

    Rules hold for at least `least_support` people and a lift above `least_lift`; they count by their confidence.
    """

    least_support: int = 3
    least_lift: float = 1.2
    neighbours: int = 100
    decay: float = 0.75
    name: ClassVar[str] = "rule_pairs"
    fills_up: ClassVar[bool] = False

    def signal(self, history: History, features: Features, item_ids: IntArray) -> Neighbours:
        """Count pairs; `features` are not used."""
        pairs = confidence(
            history, least_support=self.least_support, least_lift=self.least_lift, keep=self.neighbours
        )
        return Neighbours(self.name, pairs, self.decay)


@dataclass(frozen=True, slots=True)
class DueAgain:
    """The signal of buying again: how often, how lately, whether it is time, and whether it is in season."""

    name: str
    item_gaps: FloatArray
    season: FloatArray
    half_life_days: float
    due_weight: float

    def scores(self, past: History) -> DenseScores:
        """Purchases counted with decay × season × (1 + `due_weight` × closeness of the age to the usual gap)."""
        bought = past.where(past.is_purchase)
        counted = bought.matrix(bought.decayed(self.half_life_days))
        scores = np.asarray(counted.todense(), dtype=np.float32) * self.season
        own = OwnPast.of(bought)
        rows, columns = np.divmod(own.keys, max(past.width, 1))
        gaps = np.where(np.isnan(own.gaps), self.item_gaps[columns], own.gaps)
        ratio = np.maximum(own.last_ages, 1) / np.maximum(gaps, 1)
        closeness = np.exp(-np.square(np.log(ratio)))
        scores[rows, columns] *= 1 + self.due_weight * np.nan_to_num(closeness)
        return DenseScores(scores, len(past))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The usual days between two purchases of each item (NaN where nobody bought it twice), and its season."""
        return {"item_gaps": self.item_gaps, "season": self.season}


@dataclass(frozen=True, slots=True)
class OwnHistory(OneSignal):
    """Buying again: what the user bought before, by frequency, recency, due date and season.

    The season of an item is (its trend of a fortnight + 0.1) ** `trend_power`: nobody wants Christmas crackers again in
    January.
    """

    half_life_days: float = 365.0
    due_weight: float = 0.5
    trend_half_life_days: float = 14.0
    trend_power: float = 0.3
    name: ClassVar[str] = "own_history"
    fills_up: ClassVar[bool] = False

    def signal(self, history: History, features: Features, item_ids: IntArray) -> DueAgain:
        """Learn after how long each item is bought again; `features` are not used."""
        own = OwnPast.of(history.where(history.is_purchase))
        columns, again = own.keys % max(len(item_ids), 1), own.counts > 1
        sums = np.bincount(columns[again], weights=own.gaps[again], minlength=len(item_ids))
        counts = np.bincount(columns[again], minlength=len(item_ids))
        gaps = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).astype(np.float32)
        trend = np.asarray(history.matrix(history.decayed(self.trend_half_life_days)).sum(axis=0)).ravel()
        season = np.power(trend + TREND_FLOOR, self.trend_power).astype(np.float32)
        return DueAgain(self.name, gaps, season, self.half_life_days, self.due_weight)
