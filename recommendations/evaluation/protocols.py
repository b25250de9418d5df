"""How a file is divided into what is learned from and what is asked: leave-last-out, or a holdout in time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from recommendations.engines.base import BoolArray, IntArray, Interactions

from .split import Targets, temporal_split

Part = Literal["test", "validation"]


@dataclass(frozen=True, slots=True)
class Trial:
    """Fit on `train`; then, for users who have done what `seen` holds, rank all items and look for `wanted`."""

    train: Interactions
    seen: Interactions
    wanted: Targets


def first_times(interactions: Interactions) -> Interactions:
    """Each user's first interaction with each item; the rest are repeats."""
    order = np.lexsort((interactions.times, interactions.items, interactions.users))
    users, items = interactions.users[order], interactions.items[order]
    is_first = np.ones(len(order), dtype=np.bool_)
    is_first[1:] = (users[1:] != users[:-1]) | (items[1:] != items[:-1])
    kept = np.zeros(len(order), dtype=np.bool_)
    kept[order] = is_first
    return interactions.where(kept)


def leave_last_out(interactions: Interactions, *, part: Part = "test") -> Trial:
    """Each user's last interaction is the test, the one before it the validation; neither is ever fitted on.

    As published for SASRec (Kang and McAuley 2018) and after: asked about the test, a user is known to have done
    the validation item as well; nothing was learned from it. Users with fewer than three interactions are learned
    from and not asked.
    """
    order = np.lexsort((interactions.times, interactions.users))
    users = interactions.users[order]
    _, start, length = np.unique(users, return_index=True, return_counts=True)
    from_end = np.repeat(start + length, length) - np.arange(len(users))
    long = np.repeat(length >= 3, length)
    test, validation = long & (from_end == 1), long & (from_end == 2)
    train = interactions.where(_unordered(order, ~test & ~validation))
    seen = interactions.where(_unordered(order, ~test)) if part == "test" else train
    asked = interactions.where(_unordered(order, test if part == "test" else validation))
    return Trial(train, seen, _targets(asked.users, asked.items))


def temporal(
    interactions: Interactions, *, holdout_days: float, only_new: bool, part: Part = "test"
) -> Trial:
    """Learn from all but the last `holdout_days`; ask what was taken in them by users who come up before.

    For the validation, the same one holdout earlier. With `only_new` an item that a user had before is not asked for.
    """
    if part == "validation":
        interactions = temporal_split(interactions, test_days=holdout_days).train
    split = temporal_split(interactions, test_days=holdout_days)
    users, items = split.test.users, split.test.items
    known = np.isin(users, split.train.users)
    users, items = users[known], items[known]
    if only_new:
        width = int(max(interactions.items.max(initial=0), 0)) + 1
        fresh = ~np.isin(users * width + items, split.train.users * width + split.train.items)
        users, items = users[fresh], items[fresh]
    return Trial(split.train, split.train, _targets(users, items))


def _unordered(order: IntArray, mask: BoolArray) -> BoolArray:
    unordered = np.zeros(len(order), dtype=np.bool_)
    unordered[order] = mask
    return unordered


def _targets(users: IntArray, items: IntArray) -> Targets:
    pairs = np.unique(np.stack([users, items], axis=1), axis=0)
    distinct, starts = np.unique(pairs[:, 0], return_index=True)
    return Targets(distinct, np.append(starts, len(pairs)).astype(np.int64), pairs[:, 1])
