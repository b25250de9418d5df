"""Item-based nearest neighbours: who bought, put into the cart or looked at this, did so with that too."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from .base import Exclusions, Features, FloatArray, IntArray, Interactions, Ranking, Vocabulary, positions
from .popularity import Popularity
from .ranking import CHUNK_USERS, empty_ranking, mask_excluded, top_k

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

TREND_FLOOR = 0.1
UNKNOWN_USER_SCALE = 1e-6


@dataclass(frozen=True, slots=True)
class ItemKnnModel:
    """Neighbour lists and trend of items; `history` (users × items) is held in memory only, never stored."""

    item_ids: IntArray
    neighbours: IntArray
    similarities: FloatArray
    trend: FloatArray
    user_ids: IntArray
    history: csr_matrix[np.float32]
    half_life_days: float

    def seen(self, history: Interactions) -> ItemKnnModel:
        """The same neighbours for users who have done what `history` says."""
        known = history.where(positions(self.item_ids, history.items) >= 0)
        user_ids, rows = np.unique(known.users, return_inverse=True)
        vocabulary = Vocabulary(user_ids, self.item_ids, rows, positions(self.item_ids, known.items))
        matrix = vocabulary.matrix(known.decayed(self.half_life_days))
        return replace(self, user_ids=user_ids, history=matrix)

    def scores(self, users: IntArray) -> FloatArray:
        """Scores of shape (users, items): history × similarity × trend; unknown users get the trend alone."""
        from scipy.sparse import csr_matrix, vstack

        rows = positions(self.user_ids, users)
        blank = csr_matrix(np.zeros((1, len(self.item_ids)), dtype=np.float32))
        history = vstack([self.history, blank], format="csr")[rows]
        scores = np.asarray((history @ self.similarity()).todense(), dtype=np.float32)
        return (scores + UNKNOWN_USER_SCALE) * self.trend

    def similarity(self) -> csr_matrix[np.float32]:
        """Items × items, as many columns filled in each row as there are neighbours kept."""
        from scipy.sparse import csr_matrix

        count, width = self.neighbours.shape
        starts = np.arange(count + 1) * width
        flat = (self.similarities.ravel(), self.neighbours.ravel(), starts)
        return csr_matrix(flat, shape=(count, count), dtype=np.float32)

    def recommend(self, users: IntArray, k: int, exclude: Exclusions | None = None) -> Ranking:
        """The `k` items nearest to what each of `users` had to do with, recent trend considered."""
        ranking = empty_ranking(len(users), k)
        for start in range(0, len(users), CHUNK_USERS):
            stop = min(start + CHUNK_USERS, len(users))
            scores = self.scores(users[start:stop])
            if exclude is not None:
                mask_excluded(scores, self.item_ids, exclude.chunk(start, stop))
            part = top_k(scores, self.item_ids, k)
            ranking.items[start:stop], ranking.scores[start:stop] = part.items, part.scores
        return ranking

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The item side: ids, neighbours, similarities, trend."""
        return {
            "item_ids": self.item_ids,
            "neighbours": self.neighbours,
            "similarities": self.similarities,
            "trend": self.trend,
        }


@dataclass(frozen=True, slots=True)
class ItemKnn:
    """Cosine between the sets of people who had to do with two items: bought, put into the cart or looked at.

    An item is its own neighbour (people buy again).

    Sarwar et al. 2001, "Item-based collaborative filtering recommendation algorithms", WWW '01.
    A user's history decays with `half_life_days`; scores are multiplied by trend ** `trend_power`.
    """

    neighbours: int = 100
    half_life_days: float = 60.0
    trend_half_life_days: float = 14.0
    trend_power: float = 0.3
    name: ClassVar[str] = "item_knn"

    def fit(self, interactions: Interactions, features: Features) -> ItemKnnModel:
        """Learn neighbours from `interactions`; `features` are not used."""
        vocabulary = Vocabulary.of(interactions)
        popular = Popularity(self.trend_half_life_days).fit(interactions, features)
        trend = np.power(popular.item_scores + TREND_FLOOR, self.trend_power).astype(np.float32)
        neighbours, similarities = self._nearest(vocabulary)
        history = vocabulary.matrix(interactions.decayed(self.half_life_days))
        return ItemKnnModel(
            item_ids=vocabulary.item_ids,
            neighbours=neighbours,
            similarities=similarities,
            trend=trend,
            user_ids=vocabulary.user_ids,
            history=history,
            half_life_days=self.half_life_days,
        )

    def _nearest(self, vocabulary: Vocabulary) -> tuple[IntArray, FloatArray]:
        from scipy.sparse import diags

        count = len(vocabulary.item_ids)
        met = vocabulary.matrix(np.ones(len(vocabulary.rows), dtype=np.float32))
        met.data[:] = 1
        norms = np.sqrt(np.asarray(met.sum(axis=0)).ravel())
        unit = (met @ diags(1 / np.maximum(norms, 1))).tocsc().astype(np.float32)
        width = min(self.neighbours, count)
        nearest = np.empty((count, width), dtype=np.int64)
        values = np.empty((count, width), dtype=np.float32)
        for start in range(0, count, CHUNK_USERS):
            stop = min(start + CHUNK_USERS, count)
            cosine = np.asarray((unit[:, start:stop].T @ unit).todense(), dtype=np.float32)
            best = top_k(cosine, np.arange(count), width)
            nearest[start:stop], values[start:stop] = best.items, best.scores
        return nearest, values

    def parameters(self) -> dict[str, Any]:
        """All settings."""
        return asdict(self)
