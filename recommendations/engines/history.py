"""What each user did, in order of time: the form in which sequence-minded engines want interactions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .base import DAY_SECONDS, BoolArray, FloatArray, IntArray, Interactions, positions

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


@dataclass(frozen=True, slots=True)
class History:
    """Rows of users, oldest first: row n is `[starts[n], starts[n + 1])` of the columns that follow.

    `columns` number the items (places among the item ids it was made with, `width` of them). `steps` counts the
    moments at which the user did something later: 0 for the last, the same for all that was done at one moment.
    `ages_days` are counted from the moment of looking.
    """

    user_ids: IntArray
    starts: IntArray
    columns: IntArray
    weights: FloatArray
    ages_days: FloatArray
    steps: IntArray
    is_purchase: BoolArray
    width: int

    @classmethod
    def of(cls, interactions: Interactions, item_ids: IntArray, *, from_last: bool = False) -> History:
        """Order `interactions` by user and time (equal times keep their order); unknown items are left out.

        Ages count from `interactions.as_of`, with `from_last` from each user's own last interaction.
        """
        columns = positions(item_ids, interactions.items)
        known = np.flatnonzero(columns >= 0)
        order = known[np.lexsort((interactions.times[known], interactions.users[known]))]
        users, times = interactions.users[order], interactions.times[order]
        user_ids, first = np.unique(users, return_index=True)
        starts = np.append(first, len(users)).astype(np.int64)
        lengths = np.diff(starts)
        last = starts[1:] - 1
        moments = np.cumsum(np.diff(users, prepend=-1).astype(bool) | np.diff(times, prepend=-1).astype(bool))
        looked_at = np.repeat(times[last], lengths) if from_last else interactions.as_of
        return cls(
            user_ids=user_ids,
            starts=starts,
            columns=columns[order],
            weights=interactions.weights[order],
            ages_days=(np.maximum(looked_at - times, 0) / DAY_SECONDS).astype(np.float32),
            steps=np.repeat(moments[last], lengths) - moments,
            is_purchase=interactions.is_purchase[order],
            width=len(item_ids),
        )

    def __len__(self) -> int:
        return len(self.user_ids)

    @property
    def rows(self) -> IntArray:
        """The number of the row to which each interaction belongs."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def take(self, users: IntArray) -> History:
        """The rows of `users` in that order; empty rows for those it does not know."""
        places = positions(self.user_ids, users)
        begin = np.where(places >= 0, self.starts[places], 0)
        lengths = (
            np.where(places >= 0, np.diff(self.starts)[places], 0) if len(self) else np.zeros_like(places)
        )
        starts = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        picked = np.arange(starts[-1]) + np.repeat(begin - starts[:-1], lengths)
        return self._picked(picked, user_ids=users, starts=starts)

    def where(self, mask: BoolArray) -> History:
        """The interactions for which `mask` is true; every user keeps a row, with the same steps and ages."""
        kept = np.concatenate([[0], np.cumsum(mask)])
        return self._picked(np.flatnonzero(mask), user_ids=self.user_ids, starts=kept[self.starts])

    def _picked(self, picked: IntArray, *, user_ids: IntArray, starts: IntArray) -> History:
        return History(
            user_ids=user_ids,
            starts=starts,
            columns=self.columns[picked],
            weights=self.weights[picked],
            ages_days=self.ages_days[picked],
            steps=self.steps[picked],
            is_purchase=self.is_purchase[picked],
            width=self.width,
        )

    def matrix(self, values: FloatArray) -> csr_matrix[np.float32]:
        """Users × items with the sum of `values` (one per interaction) in each cell."""
        from scipy.sparse import csr_matrix

        parts = (values, self.columns, self.starts)
        matrix = csr_matrix(parts, shape=(len(self), self.width), dtype=np.float32)
        matrix.sum_duplicates()
        return matrix

    def met(self) -> csr_matrix[np.float32]:
        """Users × items with 1 where there was anything between them."""
        matrix = self.matrix(np.ones(len(self.columns), dtype=np.float32))
        matrix.data[:] = 1
        return matrix

    def recent(self, decay: float) -> FloatArray:
        """The weight of each interaction times `decay` for each later moment of its user."""
        return (self.weights * np.power(decay, self.steps, dtype=np.float64)).astype(np.float32)

    def decayed(self, half_life_days: float) -> FloatArray:
        """The weight of each interaction, halved for each `half_life_days` of age."""
        return (self.weights * np.exp2(-self.ages_days / half_life_days)).astype(np.float32)
