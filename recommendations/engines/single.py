"""Engines of one stage: one signal ranks everything."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from .base import Exclusions, Features, FloatArray, IntArray, Interactions, Ranking
from .history import History
from .pair_features import OwnPast
from .ranking import empty_ranking, mask_excluded, top_k
from .signals import DenseScores, Neighbours, Signal
from .similarity import Scale, alike, confidence, cosine, ease, reach, transitions

CHUNK = 256
RESERVE_SCALE = 1e-7
TREND_FLOOR = 0.1


@dataclass(frozen=True, slots=True)
class SignalModel:
    """A signal and the histories to which it is put; the histories are held in memory only, never stored.

    `reserve` ranks what scores nothing, below everything that does; items with 0 there are no recommendation then.
    """

    item_ids: IntArray
    signal: Signal
    history: History
    reserve: FloatArray

    def seen(self, history: Interactions) -> SignalModel:
        """The same model for users who have done what `history` says."""
        return replace(self, history=History.of(history, self.item_ids))

    def recommend(self, users: IntArray, k: int, exclude: Exclusions | None = None) -> Ranking:
        """The `k` items with the highest scores."""
        ranking = empty_ranking(len(users), k)
        for start in range(0, len(users), CHUNK):
            stop = min(start + CHUNK, len(users))
            scores = self.signal.scores(self.history.take(users[start:stop])).dense()
            scores = np.maximum(scores, 0) + self.reserve
            scores[scores <= 0] = -np.inf
            if exclude is not None:
                mask_excluded(scores, self.item_ids, exclude.chunk(start, stop))
            part = top_k(scores, self.item_ids, k)
            ranking.items[start:stop], ranking.scores[start:stop] = part.items, part.scores
        return ranking

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The item side."""
        return {"item_ids": self.item_ids, "reserve": self.reserve, **self.signal.arrays()}


def _popular(history: History) -> FloatArray:
    """So little for each item that it only decides where nothing else does: what many have, first."""
    return (RESERVE_SCALE * np.log1p(reach(history))).astype(np.float32)


def _nothing(history: History) -> FloatArray:
    return np.zeros(history.width, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class SequentialKnn:
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

    def fit(self, interactions: Interactions, features: Features) -> SignalModel:
        """Learn what is near and what follows; items that nobody had yet come in by their features."""
        item_ids = np.unique(np.concatenate([interactions.items, features.items.ids]))
        history = History.of(interactions, item_ids)
        scale = Scale(self.power, self.damping, self.neighbours)
        follows = transitions(history, scale, hops=self.hops, fading=self.fading)
        near = (cosine(history, scale) + follows * self.follow_weight).tocsr()
        strong = np.sort(near.data)[-max(len(near.data) // 10, 1) :]
        near.data /= strong.mean() if len(strong) else 1
        if self.feature_weight and len(features.items.names):
            near = (
                near + alike(features.items, item_ids, keep=self.neighbours) * self.feature_weight
            ).tocsr()
        return SignalModel(item_ids, Neighbours(self.name, near, self.decay), history, _popular(history))

    def parameters(self) -> dict[str, Any]:
        """All settings."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Ease:
    """A linear model of every item on all others: Steck 2019, WWW '19."""

    ridge: float = 100.0
    neighbours: int = 500
    name: ClassVar[str] = "ease"

    def fit(self, interactions: Interactions, features: Features) -> SignalModel:
        """Solve for the weights; `features` are not used."""
        item_ids = np.unique(interactions.items)
        history = History.of(interactions, item_ids)
        weights = ease(history, ridge=self.ridge, keep=self.neighbours)
        return SignalModel(item_ids, Neighbours(self.name, weights, 1.0), history, _popular(history))

    def parameters(self) -> dict[str, Any]:
        """All settings."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class RulePairs:
    """Rules "who takes this takes that": Agrawal and Srikant 1994, "Fast algorithms for mining association rules", of
    two items.

    Rules hold for at least `least_support` people and a lift above `least_lift`; they count by their confidence.
    """

    least_support: int = 3
    least_lift: float = 1.2
    neighbours: int = 100
    decay: float = 0.75
    name: ClassVar[str] = "rule_pairs"

    def fit(self, interactions: Interactions, features: Features) -> SignalModel:
        """Count pairs; `features` are not used."""
        item_ids = np.unique(interactions.items)
        history = History.of(interactions, item_ids)
        pairs = confidence(
            history, least_support=self.least_support, least_lift=self.least_lift, keep=self.neighbours
        )
        return SignalModel(item_ids, Neighbours(self.name, pairs, self.decay), history, _nothing(history))

    def parameters(self) -> dict[str, Any]:
        """All settings."""
        return asdict(self)


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
class OwnHistory:
    """Buying again: what the user bought before, by frequency, recency, due date and season.

    The season of an item is (its trend of a fortnight + 0.1) ** `trend_power`: nobody wants Christmas crackers again in
    January.
    """

    half_life_days: float = 365.0
    due_weight: float = 0.5
    trend_half_life_days: float = 14.0
    trend_power: float = 0.3
    name: ClassVar[str] = "own_history"

    def fit(self, interactions: Interactions, features: Features) -> SignalModel:
        """Learn after how long each item is bought again; `features` are not used."""
        item_ids = np.unique(interactions.items)
        history = History.of(interactions, item_ids)
        own = OwnPast.of(history.where(history.is_purchase))
        columns, again = own.keys % max(len(item_ids), 1), own.counts > 1
        sums = np.bincount(columns[again], weights=own.gaps[again], minlength=len(item_ids))
        counts = np.bincount(columns[again], minlength=len(item_ids))
        gaps = np.where(counts > 0, sums / np.maximum(counts, 1), np.nan).astype(np.float32)
        trend = np.asarray(history.matrix(history.decayed(self.trend_half_life_days)).sum(axis=0)).ravel()
        season = np.power(trend + TREND_FLOOR, self.trend_power).astype(np.float32)
        due = DueAgain(self.name, gaps, season, self.half_life_days, self.due_weight)
        return SignalModel(item_ids, due, history, _nothing(history))

    def parameters(self) -> dict[str, Any]:
        """All settings."""
        return asdict(self)
