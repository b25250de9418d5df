"""Popularity: what everybody has been buying lately. The baseline, and the fallback that always exists."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from .base import Exclusions, Features, FloatArray, IntArray, Interactions, Ranking, Vocabulary
from .ranking import CHUNK_USERS, empty_ranking, mask_excluded, top_k


@dataclass(frozen=True, slots=True)
class PopularityModel:
    """One list for everybody."""

    item_ids: IntArray
    item_scores: FloatArray

    def seen(self, history: Interactions) -> PopularityModel:
        """Itself: what one user does changes no list."""
        return self

    def recommend(self, users: IntArray, k: int, exclude: Exclusions | None = None) -> Ranking:
        """The `k` most popular items for each of `users`, without those in `exclude`."""
        if exclude is None:
            best = top_k(self.item_scores[None, :], self.item_ids, k)
            return Ranking(
                np.repeat(best.items, len(users), axis=0), np.repeat(best.scores, len(users), axis=0)
            )
        ranking = empty_ranking(len(users), k)
        for start in range(0, len(users), CHUNK_USERS):
            stop = min(start + CHUNK_USERS, len(users))
            scores = np.tile(self.item_scores, (stop - start, 1))
            mask_excluded(scores, self.item_ids, exclude.chunk(start, stop))
            part = top_k(scores, self.item_ids, k)
            ranking.items[start:stop], ranking.scores[start:stop] = part.items, part.scores
        return ranking

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """Item ids and their scores."""
        return {"item_ids": self.item_ids, "item_scores": self.item_scores}


@dataclass(frozen=True, slots=True)
class Popularity:
    """Sum of weights over everybody, halved for each `half_life_days` of age; of all time when None."""

    half_life_days: float | None = 14.0
    name: ClassVar[str] = "popularity"

    def fit(self, interactions: Interactions, features: Features) -> PopularityModel:
        """Rank items by the decayed weight of `interactions`; `features` are not used."""
        vocabulary = Vocabulary.of(interactions)
        scores = np.bincount(
            vocabulary.columns,
            weights=interactions.decayed(self.half_life_days),
            minlength=len(vocabulary.item_ids),
        )
        return PopularityModel(vocabulary.item_ids, scores.astype(np.float32))

    def parameters(self) -> dict[str, Any]:
        """The half-life."""
        return asdict(self)
