"""What every engine takes and gives: interactions, features, exclusions, rankings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Protocol

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float32]
BoolArray = npt.NDArray[np.bool_]

DAY_SECONDS = 86_400
NO_ITEM = -1


@dataclass(frozen=True, slots=True)
class Interactions:
    """Who did something with which item, how strongly and when: arrays of equal length.

    `users` and `items` hold the caller's own ids, `weights` the strength before any decay (a purchase counts
    more than a view), `times` seconds since 1970 UTC, `as_of` the moment from which decay is counted.
    All of them are learned from; those with `is_purchase` are what recommendations are judged by.
    """

    users: IntArray
    items: IntArray
    weights: FloatArray
    times: IntArray
    as_of: int
    is_purchase: BoolArray

    def __post_init__(self) -> None:
        columns = (self.users, self.items, self.weights, self.times, self.is_purchase)
        lengths = {len(column) for column in columns}
        if len(lengths) != 1:
            raise ValueError(f"the columns differ in length: {sorted(lengths)}")

    def __len__(self) -> int:
        return len(self.users)

    def where(self, mask: BoolArray, *, as_of: int | None = None) -> Interactions:
        """The rows for which `mask` is true, seen from `as_of` (unchanged when None)."""
        moment = self.as_of if as_of is None else as_of
        columns = (self.users[mask], self.items[mask], self.weights[mask], self.times[mask])
        return Interactions(*columns, as_of=moment, is_purchase=self.is_purchase[mask])

    def purchases(self) -> Interactions:
        """The purchases alone."""
        return self.where(self.is_purchase)

    def decayed(self, half_life_days: float | None) -> FloatArray:
        """Weights halved for each `half_life_days` between then and `as_of`; unchanged when None."""
        if half_life_days is None:
            return self.weights
        age_days = np.maximum(self.as_of - self.times, 0) / DAY_SECONDS
        return (self.weights * np.exp2(-age_days / half_life_days)).astype(np.float32)


@dataclass(frozen=True, slots=True)
class FeatureTable:
    """Named features of users or items, as coordinates: entity `ids[n]` has feature `names[columns[n]]`."""

    names: tuple[str, ...]
    ids: IntArray
    columns: IntArray
    weights: FloatArray

    @classmethod
    def from_names(cls, features: Mapping[int, Sequence[str]]) -> FeatureTable:
        """Build from id → names; each entity's features share the weight 1, so that many do not drown few."""
        names = tuple(sorted({name for values in features.values() for name in values}))
        column = {name: index for index, name in enumerate(names)}
        rows = [(entity, column[n], 1.0 / len(v)) for entity, v in features.items() for n in v]
        ids, columns, weights = zip(*rows, strict=True) if rows else ((), (), ())
        return cls(
            names,
            np.asarray(ids, dtype=np.int64),
            np.asarray(columns, dtype=np.int64),
            np.asarray(weights, dtype=np.float32),
        )


EMPTY_FEATURES = FeatureTable.from_names({})


@dataclass(frozen=True, slots=True)
class Features:
    """What is known about users and items beside what they did."""

    users: FeatureTable = EMPTY_FEATURES
    items: FeatureTable = EMPTY_FEATURES


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Item ids that each user must not get, row by row: row n is `items[starts[n]:starts[n + 1]]`."""

    starts: IntArray
    items: IntArray

    @classmethod
    def from_rows(cls, rows: Sequence[Sequence[int] | IntArray]) -> Exclusions:
        """Build from one sequence of item ids per user."""
        starts = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
        parts = [np.asarray(row, dtype=np.int64) for row in rows]
        return cls(starts, np.concatenate(parts) if parts else np.empty(0, dtype=np.int64))

    @classmethod
    def already_had(cls, history: Interactions, users: IntArray) -> Exclusions:
        """Everything that each of `users` has in `history`."""
        order = np.argsort(history.users, kind="stable")
        sorted_users, items = history.users[order], history.items[order]
        first = np.searchsorted(sorted_users, users, side="left")
        last = np.searchsorted(sorted_users, users, side="right")
        return cls.from_rows([np.unique(items[a:b]) for a, b in zip(first, last, strict=True)])

    def chunk(self, start: int, stop: int) -> Exclusions:
        """The rows from `start` up to `stop`."""
        starts = self.starts[start : stop + 1]
        return Exclusions(starts - starts[0], self.items[starts[0] : starts[-1]])


@dataclass(frozen=True, slots=True)
class Ranking:
    """The best items of each user, best first: `items` and `scores` have shape (users, k).

    Where an engine ran out of items the rest of the row is `NO_ITEM` with a score of minus infinity.
    """

    items: IntArray
    scores: FloatArray


class Model(Protocol):
    """A fitted engine."""

    @property
    def item_ids(self) -> IntArray:
        """The sorted ids of the items it can rank."""
        ...

    def seen(self, history: Interactions) -> Model:
        """The same model for users who have done what `history` says; nothing is learned from it."""
        ...

    def recommend(self, users: IntArray, k: int, exclude: Exclusions | None = None) -> Ranking:
        """The `k` best items for each of `users` without those in `exclude`; unknown users are served too."""
        ...

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """What is worth keeping of the model; never a vector that belongs to one person."""
        ...


class Engine(Protocol):
    """A way to learn a model; its public attributes are its parameters."""

    name: ClassVar[str]

    def fit(self, interactions: Interactions, features: Features) -> Model:
        """Learn from `interactions` (all of them lie before `interactions.as_of`) and `features`."""
        ...

    def parameters(self) -> dict[str, Any]:
        """The parameters as plain JSON values."""
        ...


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """The sorted distinct ids of users and items, and where each interaction stands among them."""

    user_ids: IntArray
    item_ids: IntArray
    rows: IntArray = field(repr=False)
    columns: IntArray = field(repr=False)

    @classmethod
    def of(cls, interactions: Interactions) -> Vocabulary:
        """Number the users and items of `interactions`."""
        user_ids, rows = np.unique(interactions.users, return_inverse=True)
        item_ids, columns = np.unique(interactions.items, return_inverse=True)
        return cls(user_ids, item_ids, rows.astype(np.int64), columns.astype(np.int64))

    def matrix(self, weights: FloatArray) -> csr_matrix[np.float32]:
        """Users × items with the sum of `weights` (one per interaction) in each cell."""
        from scipy.sparse import csr_matrix

        shape = (len(self.user_ids), len(self.item_ids))
        matrix = csr_matrix((weights, (self.rows, self.columns)), shape=shape, dtype=np.float32)
        matrix.sum_duplicates()
        return matrix


def positions(ids: IntArray, wanted: IntArray) -> IntArray:
    """Index of each of `wanted` in the sorted `ids`, -1 where it is not among them."""
    if not len(ids):
        return np.full(len(wanted), -1, dtype=np.int64)
    found = np.minimum(np.searchsorted(ids, wanted), len(ids) - 1)
    return np.where(ids[found] == wanted, found, -1).astype(np.int64)
