"""First-stage opinions: each scores items for a chunk of users, from what they did and what is known."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import numpy.typing as npt

from .base import FeatureTable, FloatArray, IntArray, positions
from .history import History

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class Scores(Protocol):
    """What a signal thinks of every item for each user of a chunk; a pair's key is row × width + column."""

    def top(self, count: int, barred: IntArray) -> IntArray:
        """The keys of each user's `count` highest positive scores that are not among the sorted keys `barred`."""
        ...

    def at(self, keys: IntArray) -> FloatArray:
        """The scores of pairs."""
        ...

    def best(self) -> FloatArray:
        """Each user's highest score, at least 0."""
        ...

    def dense(self) -> FloatArray:
        """All scores, users × items; a new array, free to be changed."""
        ...


class Signal(Protocol):
    """A fitted opinion."""

    @property
    def name(self) -> str:
        """What it is called among the features of the second stage."""
        ...

    def scores(self, past: History) -> Scores:
        """What it thinks for the users of `past`."""
        ...

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What is worth keeping: the side of the items, no vector of a person."""
        ...


@dataclass(frozen=True, slots=True)
class SparseScores:
    """Scores most of which are zero: rows with sorted columns."""

    matrix: csr_matrix[np.float32]

    def top(self, count: int, barred: IntArray) -> IntArray:
        """Keys of the highest, barred ones left out."""
        matrix = self.matrix
        rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        keys = rows * matrix.shape[1] + matrix.indices
        kept = (matrix.data > 0) & ~found_in(barred, keys)
        rows, keys = rows[kept], keys[kept]
        order = by_row_and_score(rows, matrix.data[kept])
        place = np.arange(len(rows)) - np.searchsorted(rows, rows)
        return keys[order][place < count]

    def at(self, keys: IntArray) -> FloatArray:
        """Zero where there is no entry."""
        matrix = self.matrix
        rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
        places = positions(rows * matrix.shape[1] + matrix.indices, keys)
        if not len(matrix.data):
            return np.zeros(len(keys), dtype=np.float32)
        return np.where(places >= 0, matrix.data[places], 0).astype(np.float32)

    def best(self) -> FloatArray:
        """Each row's maximum."""
        if not self.matrix.shape[1]:
            return np.zeros(self.matrix.shape[0], dtype=np.float32)
        return np.maximum(np.asarray(self.matrix.max(axis=1).todense(), dtype=np.float32).ravel(), 0)

    def dense(self) -> FloatArray:
        """With its zeros."""
        return np.asarray(self.matrix.todense(), dtype=np.float32)


@dataclass(frozen=True, slots=True)
class DenseScores:
    """Scores of everything, perhaps the same row for each of `users` users (then `values` has one row)."""

    values: FloatArray
    users: int

    def top(self, count: int, barred: IntArray) -> IntArray:
        """Keys of the highest; a shared row is searched once, as deep as the most barred user needs."""
        width = self.values.shape[1]
        most = int(np.bincount(barred // width).max(initial=0)) if width else 0
        depth = min(count + most, width)
        if not depth:
            return np.empty(0, dtype=np.int64)
        found = np.argsort(-self.values, axis=1, kind="stable")[:, :depth]
        positive = np.take_along_axis(self.values, found, axis=1) > 0
        keys = np.arange(self.users)[:, None] * width + found
        allowed = ~found_in(barred, keys.ravel()).reshape(keys.shape) & positive
        return keys[allowed & (np.cumsum(allowed, axis=1) <= count)]

    def at(self, keys: IntArray) -> FloatArray:
        """By row and column."""
        rows, columns = np.divmod(keys, max(self.values.shape[1], 1))
        return self.values[rows if len(self.values) > 1 else 0, columns]

    def best(self) -> FloatArray:
        """Each row's maximum."""
        best = self.values.max(axis=1, initial=0)
        return np.broadcast_to(best, (self.users,)).astype(np.float32)

    def dense(self) -> FloatArray:
        """A copy for each user."""
        return np.array(np.broadcast_to(self.values, (self.users, self.values.shape[1])))


def by_row_and_score(rows: IntArray, scores: FloatArray) -> IntArray:
    """The order by ascending row (they come so), then by descending score; all scores are positive.

    The bits of positive floats are ordered as they are, so one sort by an integer does for both keys.
    """
    bits = scores.astype(np.float32, copy=False).view(np.uint32).astype(np.int64)
    return np.argsort((rows << 32) + (0xFFFF_FFFF - bits), kind="stable")


def found_in(ordered: IntArray, keys: IntArray) -> npt.NDArray[np.bool_]:
    """Whether each of `keys` is among the sorted `ordered`."""
    return positions(ordered, keys) >= 0


def _kept(name: str, matrix: csr_matrix[np.float32]) -> dict[str, npt.NDArray[Any]]:
    columns, starts = matrix.indices.astype(np.int32), matrix.indptr.astype(np.int64)
    return {f"{name}.values": matrix.data, f"{name}.columns": columns, f"{name}.starts": starts}


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Items near to what was done: each past interaction counts `decay` for each later moment of its user.

    `decay` 1 counts everything alike, 0 only the last moment; 0.75 is that of sequential nearest neighbours.
    """

    name: str
    similarity: csr_matrix[np.float32]
    decay: float

    def scores(self, past: History) -> SparseScores:
        """Recency-weighted history × similarity."""
        product = past.matrix(past.recent(self.decay)) @ self.similarity
        product.sort_indices()
        return SparseScores(product)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The similarity in compressed rows."""
        return _kept(self.name, self.similarity)


@dataclass(frozen=True, slots=True)
class Trend:
    """The same for everybody: what sells."""

    name: str
    item_scores: FloatArray

    def scores(self, past: History) -> DenseScores:
        """The items' scores."""
        return DenseScores(self.item_scores[None, :], len(past))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The items' scores."""
        return {f"{self.name}.scores": self.item_scores}


@dataclass(frozen=True, slots=True)
class GroupTrend:
    """What sells to people with the same features (country, gender): mean over a user's features.

    `shares` (features × items) are the shares of an item in what the group takes.
    """

    name: str
    user_ids: IntArray
    user_features: csr_matrix[np.float32]
    shares: FloatArray

    def scores(self, past: History) -> DenseScores:
        """The mean share over a user's groups; zero where nothing is known of the user."""
        places = positions(self.user_ids, past.user_ids)
        known = places >= 0
        scores = np.zeros((len(past), past.width), dtype=np.float32)
        if known.any():
            scores[known] = self.user_features[places[known]] @ self.shares
        return DenseScores(scores, len(past))

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The shares by group."""
        return {f"{self.name}.shares": self.shares}

    @classmethod
    def of(cls, name: str, history: History, table: FeatureTable, *, half_life_days: float) -> GroupTrend:
        """Count what each group of `table` took, halved for each `half_life_days` of age."""
        from scipy.sparse import csr_matrix

        user_ids = np.unique(table.ids)
        shape = (len(user_ids), len(table.names))
        coordinates = (positions(user_ids, table.ids), table.columns)
        groups = csr_matrix((table.weights, coordinates), shape=shape, dtype=np.float32)
        taken = history.matrix(history.decayed(half_life_days))
        places = positions(user_ids, history.user_ids)
        known = places >= 0
        shares = np.asarray(
            (groups[places[known]].T @ taken[np.flatnonzero(known)]).todense(), dtype=np.float32
        )
        return cls(name, user_ids, groups, shares / np.maximum(shares.sum(axis=1, keepdims=True), 1e-9))


@dataclass(frozen=True, slots=True)
class FeatureTrend:
    """What sells among the items that share features with what a user did: Σ own weight of the feature × the item's
    share in it.

    `groups` is items × features, `shares` features × items.
    """

    name: str
    groups: csr_matrix[np.float32]
    shares: csr_matrix[np.float32]
    decay: float

    @classmethod
    def of(cls, name: str, groups: csr_matrix[np.float32], sold: FloatArray, *, decay: float) -> FeatureTrend:
        """From what was `sold` of each item and the features it has."""
        from scipy.sparse import diags

        taken = (groups.T @ diags(sold)).tocsr()
        sums = np.asarray(taken.sum(axis=1)).ravel()
        return cls(
            name, groups, (diags(1 / np.maximum(sums, 1e-9)) @ taken).tocsr().astype(np.float32), decay
        )

    def scores(self, past: History) -> SparseScores:
        """Recency-weighted history × features × shares."""
        product = (past.matrix(past.recent(self.decay)) @ self.groups @ self.shares).tocsr()
        product.sort_indices()
        return SparseScores(product)

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The features of items and the shares in compressed rows."""
        return _kept(f"{self.name}.groups", self.groups) | _kept(f"{self.name}.shares", self.shares)
