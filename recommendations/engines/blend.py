"""A blend of engines by rank, because their scores have no common scale."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from .base import Engine, Exclusions, Features, FloatArray, IntArray, Interactions, Model, Ranking
from .base import positions as positions_of
from .ranking import CHUNK_USERS, empty_ranking, top_k


@dataclass(frozen=True, slots=True)
class BlendModel:
    """Fitted models whose candidate lists are fused."""

    item_ids: IntArray
    models: tuple[tuple[str, Model], ...]
    depth: int
    damping: float

    def seen(self, history: Interactions) -> BlendModel:
        """The models after `history`, each in its way."""
        return replace(self, models=tuple((name, model.seen(history)) for name, model in self.models))

    def recommend(self, users: IntArray, k: int, exclude: Exclusions | None = None) -> Ranking:
        """The `k` items with the highest sum of reciprocal ranks over the models' lists."""
        ranking = empty_ranking(len(users), k)
        for start in range(0, len(users), CHUNK_USERS):
            stop = min(start + CHUNK_USERS, len(users))
            banned = exclude.chunk(start, stop) if exclude else None
            part = top_k(self._fused(users[start:stop], max(k, self.depth), banned), self.item_ids, k)
            ranking.items[start:stop], ranking.scores[start:stop] = part.items, part.scores
        return ranking

    def _fused(self, users: IntArray, depth: int, exclude: Exclusions | None) -> FloatArray:
        width = len(self.item_ids)
        fused = np.full((len(users), width + 1), -np.inf, dtype=np.float32)  # one column more for NO_ITEM
        rows = np.arange(len(users))[:, None]
        gain = (1 / (self.damping + np.arange(1, depth + 1))).astype(np.float32)
        for _, model in self.models:
            items = model.recommend(users, depth, exclude).items
            columns = positions_of(self.item_ids, items.ravel()).reshape(items.shape) % (width + 1)
            before = fused[rows, columns]
            fused[rows, columns] = np.where(np.isfinite(before), before, 0) + gain
        return fused[:, :width]

    def arrays(self) -> dict[str, npt.NDArray[Any]]:
        """The arrays of each model, its engine's name before each."""
        named = ((name, model.arrays()) for name, model in self.models)
        return {f"{name}.{key}": value for name, arrays in named for key, value in arrays.items()}


@dataclass(frozen=True, slots=True)
class Blend:
    """Reciprocal rank fusion, Σ 1 / (damping + rank): Cormack, Clarke and Büttcher 2009, SIGIR '09."""

    engines: tuple[Engine, ...]
    depth: int = 100
    damping: float = 10.0
    name: ClassVar[str] = "blend"

    def fit(self, interactions: Interactions, features: Features) -> BlendModel:
        """Fit each engine on the same input."""
        models = tuple((engine.name, engine.fit(interactions, features)) for engine in self.engines)
        item_ids = np.unique(np.concatenate([model.item_ids for _, model in models]))
        return BlendModel(item_ids, models, self.depth, self.damping)

    def parameters(self) -> dict[str, Any]:
        """Its own settings and those of each engine."""
        parts = {engine.name: engine.parameters() for engine in self.engines}
        return {"depth": self.depth, "damping": self.damping, "engines": parts}
