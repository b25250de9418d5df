"""How near items are to each other: by who had both, by what followed what, by linear regression, by features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from .base import FeatureTable, FloatArray, IntArray, positions
from .history import History

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

CHUNK_ITEMS = 1024
MOST_ITEMS = 500
MOST_DENSE = 20_000


class TooManyItemsError(ValueError):
    """The engine is not made for a catalogue of this size."""


def reach(history: History) -> FloatArray:
    """How many users had to do with each item."""
    return np.asarray(history.met().sum(axis=0), dtype=np.float32).ravel()


@dataclass(frozen=True, slots=True)
class Scale:
    """Counts are divided by ((users of i + damping)(users of j + damping)) ** power; `keep` nearest are kept a row.

    A power of 0.5 without damping is the cosine; less lets what many people take count for more.
    """

    power: float
    damping: float
    keep: int

    def of(self, history: History) -> FloatArray:
        """What each item's column is multiplied by."""
        return np.power(reach(history) + self.damping, -self.power).astype(np.float32)


def cosine(history: History, scale: Scale) -> csr_matrix[np.float32]:
    """Users in common, scaled. An item is not its own neighbour; of each user the latest `MOST_ITEMS` count."""
    from scipy.sparse import diags

    met = (latest(history).met() @ diags(scale.of(history))).tocsr()
    return _nearest(met, met, keep=scale.keep)


def transitions(history: History, scale: Scale, *, hops: int, fading: float) -> csr_matrix[np.float32]:
    """How often item j came up to `hops` moments after item i, `hop ** -fading` for each time, scaled.

    Rows are what came first.
    """
    from scipy.sparse import csr_matrix, diags

    kept = latest(history)
    changes = np.diff(kept.rows, prepend=-1).astype(bool) | np.diff(kept.steps, prepend=-1).astype(bool)
    moments = np.cumsum(changes) - 1
    count = int(moments[-1]) + 1 if len(moments) else 0
    ones = np.ones(len(moments), dtype=np.float32)
    done = csr_matrix((ones, (moments, kept.columns)), shape=(count, kept.width), dtype=np.float32)
    user_of = kept.rows[np.flatnonzero(changes)]
    pairs = [_following(user_of, hop) for hop in range(1, hops + 1)]
    weights = [
        np.full(len(first), hop**-fading, dtype=np.float32) for hop, first in enumerate(pairs, start=1)
    ]
    first = np.concatenate(pairs)
    then = np.concatenate([first_of_hop + hop for hop, first_of_hop in enumerate(pairs, start=1)])
    after = csr_matrix((np.concatenate(weights), (first, then)), shape=(count, count), dtype=np.float32)
    scaled = diags(scale.of(history))
    return _nearest((done @ scaled).tocsr(), ((after @ done) @ scaled).tocsr(), keep=scale.keep)


def _following(user_of: IntArray, hop: int) -> IntArray:
    """The moments after which the same user has another one `hop` later."""
    if len(user_of) <= hop:
        return np.empty(0, dtype=np.int64)
    return np.flatnonzero(user_of[hop:] == user_of[:-hop])


def ease(history: History, *, ridge: float, keep: int) -> csr_matrix[np.float32]:
    """Weights of the linear autoencoder without self-connections: Steck 2019, "Embarrassingly shallow autoencoders
    for sparse data", WWW '19. Needs two dense items × items matrices while it learns: raises TooManyItemsError where
    they would take more than some gigabytes.
    """
    if history.width > MOST_DENSE:
        raise TooManyItemsError(f"EASE learns on up to {MOST_DENSE:,} items; there are {history.width:,}.")
    from scipy.linalg import inv

    met = history.met()
    gram = np.asarray((met.T @ met).todense(), dtype=np.float32)
    gram[np.diag_indices(history.width)] += ridge
    weights = inv(gram, overwrite_a=True, check_finite=False)
    weights /= -np.diag(weights)
    weights[np.diag_indices(history.width)] = 0
    starts = range(0, history.width, CHUNK_ITEMS)
    return _stacked([_sparse_rows(weights[start : start + CHUNK_ITEMS], keep=keep) for start in starts])


def alike(table: FeatureTable, item_ids: IntArray, *, keep: int) -> csr_matrix[np.float32]:
    """Cosine of the items' features, rare features counting more (inverse document frequency)."""
    unit = unit_features(table, item_ids).T.tocsr()
    return _nearest(unit, unit, keep=keep)


def unit_features(table: FeatureTable, item_ids: IntArray) -> csr_matrix[np.float32]:
    """Items × features, rows of length 1 with rare features counting more; a row of zeros where nothing is known."""
    from scipy.sparse import csr_matrix, diags

    rows = positions(item_ids, table.ids)
    known = rows >= 0
    ones = np.ones(int(known.sum()), dtype=np.float32)
    shape = (len(item_ids), len(table.names))
    matrix = csr_matrix((ones, (rows[known], table.columns[known])), shape=shape, dtype=np.float32)
    frequency = np.asarray(matrix.sum(axis=0)).ravel()
    rare = diags(np.log((len(item_ids) + 1) / np.maximum(frequency, 1)).astype(np.float32))
    weighted = (matrix @ rare).tocsr()
    length = np.sqrt(np.asarray(weighted.multiply(weighted).sum(axis=1)).ravel())
    return (diags((1 / np.maximum(length, 1e-9)).astype(np.float32)) @ weighted).tocsr()


def latest(history: History) -> History:
    """The latest `MOST_ITEMS` interactions of each user, so that one endless history costs no quadratic time."""
    lengths = np.diff(history.starts)
    if not len(lengths) or lengths.max() <= MOST_ITEMS:
        return history
    from_end = np.repeat(history.starts[1:], lengths) - np.arange(len(history.columns))
    return history.where(from_end <= MOST_ITEMS)


def _nearest(
    left: csr_matrix[np.float32], right: csr_matrix[np.float32], *, keep: int
) -> csr_matrix[np.float32]:
    """leftᵀ × right without its diagonal, `keep` highest of each row."""
    columns, width = left.tocsc(), left.shape[1]
    parts = []
    for start in range(0, width, CHUNK_ITEMS):
        stop = min(start + CHUNK_ITEMS, width)
        product = np.asarray((columns[:, start:stop].T @ right).todense(), dtype=np.float32)
        own = np.arange(start, stop)
        product[own - start, own] = 0
        parts.append(_sparse_rows(product, keep=keep))
    return _stacked(parts)


def _stacked(parts: list[csr_matrix[np.float32]]) -> csr_matrix[np.float32]:
    from scipy.sparse import csr_matrix, vstack

    if not parts:
        return csr_matrix(np.zeros((0, 0), dtype=np.float32))
    return vstack(parts, format="csr")


def _sparse_rows(dense: FloatArray, *, keep: int) -> csr_matrix[np.float32]:
    """The `keep` entries of each row that are greatest in size, without zeros."""
    from scipy.sparse import csr_matrix

    width = dense.shape[1]
    if keep >= width:
        return csr_matrix(dense)
    best = np.sort(np.argpartition(-np.abs(dense), keep - 1, axis=1)[:, :keep], axis=1)
    values = np.take_along_axis(dense, best, axis=1)
    starts = np.arange(len(dense) + 1) * keep
    kept = csr_matrix((values.ravel(), best.ravel(), starts), shape=dense.shape, dtype=np.float32)
    kept.eliminate_zeros()
    return kept


def confidence(
    history: History, *, least_support: int, least_lift: float, keep: int
) -> csr_matrix[np.float32]:
    """Share of the users of item i who also have item j, for pairs with enough support and lift.

    Lift is that share divided by the share of all users who have j. Rows are i.
    """
    from scipy.sparse import csr_matrix

    met = latest(history).met()
    users = np.asarray(met.sum(axis=0), dtype=np.float32).ravel()
    columns, parts = met.tocsc(), []
    for start in range(0, history.width, CHUNK_ITEMS):
        together = (columns[:, start : start + CHUNK_ITEMS].T @ met).tocoo()
        first = together.row + start
        share = together.data / users[first]
        lift = share * max(len(history), 1) / users[together.col]
        held = (together.data >= least_support) & (lift >= least_lift) & (first != together.col)
        shape = (together.shape[0], history.width)
        pairs = csr_matrix(
            (share[held], (together.row[held], together.col[held])), shape=shape, dtype=np.float32
        )
        parts.append(_sparse_rows(np.asarray(pairs.todense(), dtype=np.float32), keep=keep))
    return _stacked(parts)
