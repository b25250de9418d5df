"""An engine of one stage: one signal ranks everything."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from .base import Exclusions, Features, FloatArray, IntArray, Interactions, Ranking
from .history import History
from .ranking import empty_ranking, mask_excluded, top_k
from .signals import Signal
from .similarity import reach

CHUNK = 256
RESERVE_SCALE = 1e-7


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


@dataclass(frozen=True, slots=True)
class OneSignal:
    """What engines of one stage share; its fields are the settings.

    With `takes_new_items` items that nobody had yet are ranked too, by what is known of them. With `fills_up` what
    scores nothing follows by how many people have it, else it is not recommended.
    """

    takes_new_items: ClassVar[bool] = False
    fills_up: ClassVar[bool] = True

    def fit(self, interactions: Interactions, features: Features) -> SignalModel:
        """Learn the signal from `interactions` and `features`."""
        known = [interactions.items, features.items.ids] if self.takes_new_items else [interactions.items]
        item_ids = np.unique(np.concatenate(known))
        history = History.of(interactions, item_ids)
        reserve = np.log1p(reach(history)) * RESERVE_SCALE * self.fills_up
        signal = self.signal(history, features, item_ids)
        return SignalModel(item_ids, signal, history, reserve.astype(np.float32))

    def signal(self, history: History, features: Features, item_ids: IntArray) -> Signal:
        """Learn the opinion; `item_ids` are the columns of `history`."""
        raise NotImplementedError

    def parameters(self) -> dict[str, Any]:
        """All settings."""
        return asdict(self)
