"""How near products are to each other in a stored model, and what one person's acts lead to by that."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings

from recommendations.engines import artefacts
from recommendations.engines.base import FloatArray, IntArray, positions
from recommendations.models import ModelVersion

FADING = 0.75
"""What an act counts for each later one."""
LABELS = {
    "item_knn": "Item neighbours",
    "met": "Had by the same people",
    "follows": "What followed it",
    "alike": "Alike by their features",
    "sequential_knn": "Sequential neighbours",
    "ease": "Linear model (EASE)",
    "rule_pairs": "Rules of pairs",
    "lightfm": "LightFM, by the vectors of products",
}
Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Likeness:
    """What products lead to, by one engine: `led_to` returns for places of products a row over all `item_ids` each."""

    label: str
    item_ids: IntArray
    led_to: Callable[[IntArray], FloatArray]

    def from_acts(self, acts: Sequence[int], *, k: int, banned: Collection[int] = ()) -> list[int]:
        """The `k` products that `acts` (product ids, the latest first) lead to most strongly, without `banned`."""
        rows = positions(self.item_ids, np.array(acts, dtype=np.int64))
        weights = np.power(FADING, np.arange(len(acts)))[rows >= 0].astype(np.float32)
        scores = weights @ self.led_to(rows[rows >= 0])
        scores[np.isin(self.item_ids, np.array([*banned], dtype=np.int64))] = 0
        best = np.argsort(-scores, kind="stable")[:k]
        return self.item_ids[best[scores[best] > 0]].tolist()

    def because(self, products: Sequence[int], acts: Sequence[int], *, most: int) -> dict[int, list[int]]:
        """For each of `products` those of `acts` that lead to it, the strongest first, at most `most`.

        A product is no reason for itself.
        """
        rows = positions(self.item_ids, np.array(acts, dtype=np.int64))
        known = np.flatnonzero(rows >= 0)
        strengths = self.led_to(rows[known])
        found: dict[int, list[int]] = {}
        for product, column in zip(
            products, positions(self.item_ids, np.array(products, dtype=np.int64)), strict=True
        ):
            own = np.where(rows[known] == column, 0, strengths[:, column]) if column >= 0 else np.zeros(0)
            order = np.argsort(-own, kind="stable")[:most]
            found[product] = [acts[known[place]] for place in order if own[place] > 0]
        return found


def likenesses(version: ModelVersion) -> tuple[Likeness, ...]:
    """What the version's file says of products, by each engine in it; none where it goes by none.

    Raises OSError and `artefacts.DamagedArtefactError`.
    """
    return _stored(version.artefact_path, version.artefact_sha256)


@lru_cache(maxsize=2)
def _stored(path: str, sha256: str) -> tuple[Likeness, ...]:
    arrays, _ = artefacts.load(settings.MODELS_DIR / path, sha256=sha256)
    return tuple(_found_in(arrays))


def _found_in(arrays: Arrays) -> Iterator[Likeness]:
    for prefix in ("", "item_knn."):
        if f"{prefix}neighbours" in arrays:
            yield _neighbours(arrays, prefix)
    for name, label in LABELS.items():
        if f"{name}.starts" in arrays:
            parts = (arrays[f"{name}.{part}"] for part in ("values", "columns", "starts"))
            yield _by_rows(label, arrays["item_ids"], *parts)
    for prefix in ("", "lightfm."):
        if f"{prefix}item_vectors" in arrays:
            yield _by_vectors(arrays[f"{prefix}item_ids"], arrays[f"{prefix}item_vectors"])


def _neighbours(arrays: Arrays, prefix: str) -> Likeness:
    near, values = arrays[f"{prefix}neighbours"], arrays[f"{prefix}similarities"]
    starts = np.arange(len(near) + 1) * near.shape[1]
    item_ids = arrays[f"{prefix}item_ids"]
    return _by_rows(LABELS["item_knn"], item_ids, values.ravel(), near.ravel(), starts)


def _by_rows(
    label: str, item_ids: IntArray, values: FloatArray, columns: IntArray, starts: IntArray
) -> Likeness:
    from scipy.sparse import csr_matrix

    shape = (len(item_ids), len(item_ids))
    strengths = csr_matrix((values, columns, starts), shape=shape, dtype=np.float32)
    return Likeness(label, item_ids, lambda rows: np.asarray(strengths[rows].todense(), dtype=np.float32))


def _by_vectors(item_ids: IntArray, vectors: FloatArray) -> Likeness:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    unit = vectors / np.maximum(lengths, 1e-9)
    return Likeness(LABELS["lightfm"], item_ids, lambda rows: np.maximum(unit[rows] @ unit.T, 0))
