"""Exact top-k out of scores, with each user's exclusions left out."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from .base import NO_ITEM, Exclusions, FloatArray, IntArray, Ranking, positions

CHUNK_USERS = 1024
SEARCHED_USERS = 256
"""So many at once: their products with a block of items stay in the cache until they are searched."""


def _faiss() -> Any:
    logging.getLogger("faiss.loader").setLevel(logging.WARNING)  # it reports each CPU variant that it tries
    import faiss

    return faiss


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
    best = np.sort(np.argpartition(-scores, width - 1, axis=1)[:, :width], axis=1)
    values = np.take_along_axis(scores, best, axis=1)
    order = np.argsort(-values, axis=1, kind="stable")
    values = np.take_along_axis(values, order, axis=1)
    items = item_ids[np.take_along_axis(best, order, axis=1)]
    ranking.scores[:, :width] = values
    ranking.items[:, :width] = np.where(np.isfinite(values), items, NO_ITEM)
    return ranking


def top_k_inner_product(
    user_vectors: FloatArray, item_vectors: FloatArray, item_ids: IntArray, k: int, exclude: Exclusions | None
) -> Ranking:
    """The `k` items with the highest inner product per user, exact, by faiss.

    Users are grouped by how many items they exclude (in powers of two): each group asks for k plus that many
    neighbours and drops the excluded ones, so that nobody pays for the longest history.
    """
    faiss = _faiss()
    faiss.omp_set_num_threads(1)
    index = faiss.IndexFlatIP(item_vectors.shape[1])
    index.add(np.ascontiguousarray(item_vectors, dtype=np.float32))
    ranking = empty_ranking(len(user_vectors), k)
    if not len(user_vectors) or not len(item_ids):
        return ranking
    counts = np.diff(exclude.starts) if exclude else np.zeros(len(user_vectors), dtype=np.int64)
    spare = np.where(counts > 0, np.exp2(np.ceil(np.log2(np.maximum(counts, 1)))), 0).astype(np.int64)
    for extra in np.unique(spare):
        members = np.flatnonzero(spare == extra)
        depth = int(min(k + extra, len(item_ids)))
        vectors = np.ascontiguousarray(user_vectors[members], dtype=np.float32)
        for start in range(0, len(members), SEARCHED_USERS):
            part = members[start : start + SEARCHED_USERS]
            scores, found = index.search(vectors[start : start + SEARCHED_USERS], depth)
            items = item_ids[found]
            if exclude is not None and extra:
                _drop_excluded(items, scores, part, exclude)
            _keep_first(ranking, part, items, scores, k)
    return ranking


def _drop_excluded(items: IntArray, scores: FloatArray, members: IntArray, exclude: Exclusions) -> None:
    for row, member in enumerate(members):
        banned = exclude.items[exclude.starts[member] : exclude.starts[member + 1]]
        hit = np.isin(items[row], banned)
        items[row, hit] = NO_ITEM
        scores[row, hit] = -np.inf


def _keep_first(ranking: Ranking, members: IntArray, items: IntArray, scores: FloatArray, k: int) -> None:
    order = np.argsort(items == NO_ITEM, axis=1, kind="stable")[:, :k]
    width = order.shape[1]
    ranking.items[members, :width] = np.take_along_axis(items, order, axis=1)
    ranking.scores[members, :width] = np.take_along_axis(scores, order, axis=1)
