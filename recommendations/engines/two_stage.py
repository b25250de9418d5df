"""Two stages: signals propose candidates, a LambdaMART ranker learned from held-back interactions orders them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
import numpy.typing as npt

from .base import (
    DAY_SECONDS,
    BoolArray,
    Exclusions,
    Features,
    FloatArray,
    IntArray,
    Interactions,
    Ranking,
    positions,
)
from .history import History
from .pair_features import ItemFacts, OwnPast, pair_features, price_bands
from .ranking import empty_ranking
from .signals import GroupTrend, Neighbours, Scores, Signal, Trend, by_row_and_score, found_in
from .similarity import Scale, alike, cosine, ease, transitions

if TYPE_CHECKING:
    import lightgbm

logger = logging.getLogger(__name__)

CHUNK = 256
FEWEST_QUERIES = 30
MOST_CANDIDATES = 10_000
CHECKED = 6  # one in so many users tells when to stop
HoldBack = Literal["last", "window"]


@dataclass(frozen=True, slots=True)
class Stage:
    """Everything fitted on interactions up to some moment: the signals and the facts of items."""

    item_ids: IntArray
    history: History
    signals: tuple[Signal, ...]
    items: ItemFacts


@dataclass(frozen=True, slots=True)
class Candidates:
    """Pairs of a chunk, sorted by row and column, with their features (pairs × names)."""

    rows: IntArray
    columns: IntArray
    features: FloatArray


@dataclass(frozen=True, slots=True)
class TwoStageModel:
    """The fitted first stage and the trees; without trees (too little to learn from) the signals vote by rank."""

    stage: Stage
    trees: str
    parameters: dict[str, Any]

    @property
    def item_ids(self) -> IntArray:
        """The sorted ids of the items it can rank."""
        return self.stage.item_ids

    def seen(self, history: Interactions) -> TwoStageModel:
        """The same model for users who have done what `history` says."""
        past = History.of(history, self.item_ids, from_last=self.parameters["hold_back"] == "last")
        return replace(self, stage=replace(self.stage, history=past))

    def recommend(self, users: IntArray, k: int, exclude: Exclusions | None = None) -> Ranking:
        """The `k` best candidates for each of `users` in the ranker's order."""
        ranking = empty_ranking(len(users), k)
        booster = _booster(self.trees)
        for start in range(0, len(users), CHUNK):
            stop = min(start + CHUNK, len(users))
            banned = exclude.chunk(start, stop) if exclude else None
            past = self.stage.history.take(users[start:stop])
            found = candidates(self.stage, past, self.parameters, exclude=banned)
            scores = booster.predict(found.features, num_threads=1) if booster else vote(found, self.stage)
            _fill(ranking, start, found, np.asarray(scores, dtype=np.float32), self.item_ids)
        return ranking

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The trees as text and the item side of the signals; nobody's history and nobody's vector."""
        kept: dict[str, npt.NDArray[Any]] = {
            "item_ids": self.item_ids,
            "item_facts": self.stage.items.values,
            "trees": np.frombuffer(self.trees.encode(), dtype=np.uint8),
        }
        for signal in self.stage.signals:
            kept |= signal.arrays()
        return kept


def _booster(trees: str) -> lightgbm.Booster | None:
    import lightgbm

    return lightgbm.Booster(model_str=trees) if trees else None


def _fill(ranking: Ranking, start: int, found: Candidates, scores: FloatArray, item_ids: IntArray) -> None:
    order = np.lexsort((-scores, found.rows))
    rows = found.rows[order]
    place = np.arange(len(rows)) - np.searchsorted(rows, rows)
    kept = place < ranking.items.shape[1]
    rows, place, order = rows[kept], place[kept], order[kept]
    ranking.items[start + rows, place] = item_ids[found.columns[order]]
    ranking.scores[start + rows, place] = scores[order]


def candidates(
    stage: Stage, past: History, parameters: dict[str, Any], *, exclude: Exclusions | None = None
) -> Candidates:
    """The union of each signal's best and, where repeats are allowed, of what a user had, with features."""
    scores = [signal.scores(past) for signal in stage.signals]
    width = max(past.width, 1)
    had = OwnPast.of(past.where(past.is_purchase)).keys
    barred = np.empty(0, dtype=np.int64) if parameters["repeats"] else had
    if exclude is not None:
        columns = positions(stage.item_ids, exclude.items)
        rows = np.repeat(np.arange(len(past)), np.diff(exclude.starts))
        barred = np.union1d(barred, (rows * width + columns)[columns >= 0])
    chosen = [one.top(parameters["candidates"], barred) for one in scores]
    if parameters["repeats"]:
        chosen.append(had[~found_in(barred, had)])
    keys = np.unique(np.concatenate(chosen))
    rows, columns = np.divmod(keys, width)
    features = [_signal_features(one, keys, rows) for one in scores]
    features.append(pair_features(past, rows, columns, stage.items))
    return Candidates(rows, columns, np.concatenate(features, axis=1))


def _signal_features(scores: Scores, keys: IntArray, rows: IntArray) -> FloatArray:
    """A signal's value, its share of the user's best, and its rank among the user's candidates."""
    own = scores.at(keys)
    best = np.maximum(scores.best(), 1e-9)[rows]
    order = by_row_and_score(rows, np.maximum(own, 0))
    rank = np.empty(len(rows), dtype=np.float32)
    rank[order] = np.arange(len(rows)) - np.searchsorted(rows, rows[order])
    return np.stack([own, own / best, rank], axis=1).astype(np.float32)


def vote(found: Candidates, stage: Stage) -> FloatArray:
    """Reciprocal rank fusion of the signals, for want of a ranker."""
    ranks = found.features[:, 2 : 3 * len(stage.signals) : 3]
    total: FloatArray = (1 / (10 + ranks)).sum(axis=1)
    return total


@dataclass(frozen=True, slots=True)
class TwoStage:
    """LambdaMART (Burges 2010, MSR-TR-2010-82) by LightGBM over the union of several signals' candidates.

    What the ranker learns from lies within the interactions given: with `hold_back` "last" each user's last
    interaction, with "window" what was bought in the last `window_days` (and in the `windows` - 1 stretches of that
    length before); the signals that judge it are fitted on what came earlier. With `repeats` what a user bought
    before may be recommended and is learned from; else neither.
    """

    hold_back: HoldBack = "window"
    window_days: float = 28.0
    windows: int = 3
    repeats: bool = True
    candidates: int = 60
    neighbours: int = 200
    power: float = 0.3
    damping: float = 3.0
    hops: int = 8
    fading: float = 0.5
    decay: float = 0.6
    ease_ridge: float = 100.0
    ease_most_items: int = 6000
    rounds: int = 400
    leaves: int = 31
    learning_rate: float = 0.05
    seed: int = 1
    name: ClassVar[str] = "two_stage"

    def fit(self, interactions: Interactions, features: Features) -> TwoStageModel:
        """Learn the ranker on held-back interactions, then fit the signals on everything."""
        item_ids = np.unique(np.concatenate([interactions.items, features.items.ids]))
        lessons = [self._lesson(*part, item_ids, features) for part in self._held_back(interactions)]
        trees = self._learn([one for one in lessons if one is not None])
        return TwoStageModel(self._stage(interactions, features, item_ids), trees, self.parameters())

    def _held_back(self, interactions: Interactions) -> Iterator[tuple[Interactions, Interactions]]:
        if self.hold_back == "last":
            yield split_last(interactions)
            return
        for number in range(self.windows):
            stop = interactions.as_of - int(number * self.window_days * DAY_SECONDS)
            start = stop - int(self.window_days * DAY_SECONDS)
            before = interactions.times < start
            within = (interactions.times >= start) & (interactions.times < stop) & interactions.is_purchase
            yield interactions.where(before, as_of=start), interactions.where(within)

    def _stage(self, interactions: Interactions, features: Features, item_ids: IntArray) -> Stage:
        history = History.of(interactions, item_ids)
        facts = ItemFacts.of(history, price_bands(features.items, item_ids))
        scale = Scale(self.power, self.damping, self.neighbours)
        met = cosine(history, scale)
        follows = transitions(history, scale, hops=self.hops, fading=self.fading)
        signals: list[Signal] = [
            Neighbours("met", met, 0.9),
            Neighbours("met_last", met, 0.3),
            Neighbours("follows", follows, self.decay),
            Trend("trend", np.asarray(facts.values[:, 2], dtype=np.float32)),
        ]
        if len(features.items.names):
            near = alike(features.items, item_ids, keep=self.neighbours)
            signals += [Neighbours("alike", near, 0.75)]
        if len(features.users.names):
            signals.append(GroupTrend.of("group", history, features.users, half_life_days=28))
        if len(item_ids) <= self.ease_most_items:
            weights = ease(history, ridge=self.ease_ridge, keep=self.neighbours)
            signals.append(Neighbours("ease", weights, 0.9))
        past = History.of(interactions, item_ids, from_last=self.hold_back == "last")
        return Stage(item_ids, past, tuple(signals), facts)

    def _lesson(
        self, before: Interactions, after: Interactions, item_ids: IntArray, features: Features
    ) -> Lesson | None:
        users = np.unique(after.users[np.isin(after.users, before.users)])
        if len(users) < FEWEST_QUERIES:
            return None
        stage = self._stage(before, features, item_ids)
        wanted = np.unique(positions(users, after.users) * len(item_ids) + positions(item_ids, after.items))
        parts = []
        for start in range(0, len(users), CHUNK):
            past = stage.history.take(users[start : start + CHUNK])
            found = candidates(stage, past, self.parameters())
            labels = np.isin((found.rows + start) * len(item_ids) + found.columns, wanted)
            parts.append(_with_positives(found, labels, start))
        rows, labels, values = (np.concatenate(column) for column in zip(*parts, strict=True))
        return Lesson(users[rows], labels, values)

    def _learn(self, lessons: list[Lesson]) -> str:
        import lightgbm

        users = np.unique(np.concatenate([np.empty(0, dtype=np.int64), *(one.users for one in lessons)]))
        if len(users) < FEWEST_QUERIES:
            return ""
        held = np.random.default_rng(self.seed).choice(users, len(users) // CHECKED, replace=False)
        train = _dataset([one.where(~np.isin(one.users, held)) for one in lessons])
        check = _dataset([one.where(np.isin(one.users, held)) for one in lessons], train)
        settings = {
            "objective": "lambdarank",
            "metric": "ndcg",
            "eval_at": [10],
            "lambdarank_truncation_level": 20,
            "num_leaves": self.leaves,
            "learning_rate": self.learning_rate,
            "min_data_in_leaf": 50,
            "feature_fraction": 0.7,
            "bagging_fraction": 0.8,
            "bagging_freq": 1,
            "lambda_l2": 5.0,
            "seed": self.seed,
            "deterministic": True,
            "force_col_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }
        stop = lightgbm.early_stopping(40, verbose=False)
        booster = lightgbm.train(settings, train, self.rounds, valid_sets=[check], callbacks=[stop])
        score = booster.best_score["valid_0"]["ndcg@10"]
        logger.info("%d rounds, NDCG@10 %.4f on users not learned from", booster.best_iteration, score)
        return booster.model_to_string(num_iteration=booster.best_iteration)

    def parameters(self) -> dict[str, Any]:
        """All settings."""
        return {one.name: getattr(self, one.name) for one in fields(self)}


@dataclass(frozen=True, slots=True)
class Lesson:
    """Candidates of users, grouped by user, with whether they were taken."""

    users: IntArray
    labels: BoolArray
    features: FloatArray

    def where(self, mask: BoolArray) -> Lesson:
        """The pairs for which `mask` is true."""
        return Lesson(self.users[mask], self.labels[mask], self.features[mask])


def _with_positives(
    found: Candidates, labels: BoolArray, start: int
) -> tuple[IntArray, BoolArray, FloatArray]:
    """Only the users with a candidate that was taken (the others teach nothing) and not more than LightGBM takes."""
    kept = np.isin(found.rows, found.rows[labels])
    kept &= np.bincount(found.rows)[found.rows] <= MOST_CANDIDATES
    return found.rows[kept] + start, labels[kept], found.features[kept]


def _dataset(lessons: list[Lesson], reference: Any = None) -> Any:
    import lightgbm

    groups = [np.unique(one.users, return_counts=True)[1] for one in lessons]
    return lightgbm.Dataset(
        np.concatenate([one.features for one in lessons]),
        label=np.concatenate([one.labels for one in lessons]).astype(np.float32),
        group=np.concatenate(groups),
        reference=reference,
        free_raw_data=True,
    )


def split_last(interactions: Interactions) -> tuple[Interactions, Interactions]:
    """Everything but each user's last interaction (the later line where times are equal), and those last ones.

    Users with a single interaction stay whole in the first part.
    """
    order = np.lexsort((interactions.times, interactions.users))
    users = interactions.users[order]
    is_last = np.append(users[1:] != users[:-1], True) if len(users) else np.empty(0, dtype=np.bool_)
    is_only = is_last & np.insert(is_last[:-1], 0, True) if len(users) else is_last
    taken = np.zeros(len(interactions), dtype=np.bool_)
    taken[order] = is_last & ~is_only
    return interactions.where(~taken), interactions.where(taken)
