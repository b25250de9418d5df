"""A split in time: learn from before a moment, test on what came after."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from recommendations.engines.base import DAY_SECONDS, IntArray, Interactions


@dataclass(frozen=True, slots=True)
class TemporalSplit:
    """`train` lies wholly before `cut_off` (seconds since 1970 UTC), `test` from there on."""

    train: Interactions
    test: Interactions
    cut_off: int


@dataclass(frozen=True, slots=True)
class Targets:
    """Distinct items that each of `users` took in the test; row n is `items[starts[n]:starts[n + 1]]`."""

    users: IntArray
    starts: IntArray
    items: IntArray


def temporal_split(interactions: Interactions, *, test_days: float) -> TemporalSplit:
    """Hold the last `test_days` before `interactions.as_of` back as test."""
    cut_off = interactions.as_of - int(test_days * DAY_SECONDS)
    before = interactions.times < cut_off
    within = (interactions.times >= cut_off) & (interactions.times <= interactions.as_of)
    return TemporalSplit(interactions.where(before, as_of=cut_off), interactions.where(within), cut_off)


def targets(split: TemporalSplit, *, only_new: bool) -> Targets:
    """What users known from training bought in the test; with `only_new`, only what they had never bought.

    Users who only come up in the test are left out: every engine would serve them popularity.
    """
    bought = split.test.purchases()
    pairs = np.unique(np.stack([bought.users, bought.items], axis=1), axis=0)
    pairs = pairs[np.isin(pairs[:, 0], split.train.users)]
    if only_new:
        before = split.train.purchases()
        had = set(zip(before.users.tolist(), before.items.tolist(), strict=True))
        fresh = np.array([(u, i) not in had for u, i in pairs.tolist()], dtype=bool)
        pairs = pairs[fresh]
    users, starts = np.unique(pairs[:, 0], return_index=True)
    return Targets(users, np.append(starts, len(pairs)).astype(np.int64), pairs[:, 1])
