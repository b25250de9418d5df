"""Exact top-k out of scores, with each user's exclusions left out."""

from __future__ import annotations

import numpy as np

from .base import NO_ITEM, Exclusions, FloatArray, IntArray, Ranking, positions

CHUNK_USERS = 1024
BLOCK_SCORES = 5_000_000
"""So many at once: enough for BLAS, and few enough to be near when the best are picked."""
GROUP = 16


def empty_ranking(users: int, k: int) -> Ranking:
    """`users` rows without any item."""
    return Ranking(
        np.full((users, k), NO_ITEM, dtype=np.int64), np.full((users, k), -np.inf, dtype=np.float32)
    )


def mask_excluded(scores: FloatArray, item_ids: IntArray, exclude: Exclusions) -> None:
    """Set the scores (users × items, changed in place) of excluded items to minus infinity."""
    rows = np.repeat(np.arange(len(scores)), np.diff(exclude.starts))
    columns = positions(item_ids, exclude.items)
    known = columns >= 0
    scores[rows[known], columns[known]] = -np.inf


def top_k(scores: FloatArray, item_ids: IntArray, k: int) -> Ranking:
    """The `k` highest of each row of `scores` (users × items); equal scores keep the order of `item_ids`."""
    ranking = empty_ranking(len(scores), k)
    width = min(k, scores.shape[1])
    if not width:
        return ranking
    found = _contenders(scores, width)
    contending = scores if found is None else np.take_along_axis(scores, found, axis=1)
    best = np.argpartition(-contending, width - 1, axis=1)[:, :width]
    columns = np.sort(best if found is None else np.take_along_axis(found, best, axis=1), axis=1)
    values = np.take_along_axis(scores, columns, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    values = np.take_along_axis(values, order, axis=1)
    items = item_ids[np.take_along_axis(columns, order, axis=1)]
    ranking.scores[:, :width] = values
    ranking.items[:, :width] = np.where(np.isfinite(values), items, NO_ITEM)
    return ranking


def _contenders(scores: FloatArray, k: int) -> IntArray | None:
    """For each row the columns that alone can be among its `k` highest; None where that spares nothing.

    Columns are dealt into groups of `GROUP`. Of groups by their highest score no more than the first `k` can hold one
    of the `k` highest; the maxima are found at the speed of reading. Columns left over contend too.
    """
    groups = scores.shape[1] // GROUP
    if groups < 2 * k:
        return None
    highest = scores[:, :groups].copy()
    for start in range(groups, groups * GROUP, groups):
        np.maximum(highest, scores[:, start : start + groups], out=highest)
    first = np.argpartition(highest, -k, axis=1)[:, -k:]
    members = first[:, :, None] + groups * np.arange(GROUP)
    rest = np.arange(groups * GROUP, scores.shape[1])
    left_over = np.broadcast_to(rest, (len(scores), len(rest)))
    return np.concatenate([members.reshape(len(scores), -1), left_over], axis=1)


def top_k_inner_product(
    user_vectors: FloatArray, item_vectors: FloatArray, item_ids: IntArray, k: int, exclude: Exclusions | None
) -> Ranking:
    """The `k` items with the highest inner product per user, exact: a block of users by all items at a time."""
    ranking = empty_ranking(len(user_vectors), k)
    vectors = np.ascontiguousarray(user_vectors, dtype=np.float32)
    items = np.ascontiguousarray(item_vectors.T, dtype=np.float32)
    rows = min(max(BLOCK_SCORES // max(len(item_ids), 1), 1), len(vectors))
    block = np.empty((rows, len(item_ids)), dtype=np.float32)
    for start in range(0, len(vectors), max(rows, 1)):
        part = vectors[start : start + rows]
        scores = np.matmul(part, items, out=block[: len(part)])
        if exclude is not None:
            mask_excluded(scores, item_ids, exclude.chunk(start, start + len(part)))
        best = top_k(scores, item_ids, k)
        ranking.items[start : start + len(part)] = best.items
        ranking.scores[start : start + len(part)] = best.scores
    return ranking
