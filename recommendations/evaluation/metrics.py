"""Ranking metrics per user, so that pairs can be compared. Relevance is binary; all items are ranked."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from recommendations.engines.base import NO_ITEM, BoolArray, IntArray, Ranking

from .split import Targets

Values = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RankingMetrics:
    """One value per user of each metric at `k`, and the share of the catalogue that anybody was shown."""

    k: int
    recall: Values
    ndcg: Values
    average_precision: Values
    precision: Values
    hit: Values
    coverage: float

    def means(self) -> dict[str, float]:
        """Means over users under their usual names, rounded to six places."""
        named = {
            "recall": self.recall,
            "ndcg": self.ndcg,
            "map": self.average_precision,
            "precision": self.precision,
            "hit_rate": self.hit,
        }
        means = {f"{name}@{self.k}": _mean(values) for name, values in named.items()}
        return {**means, "coverage": round(self.coverage, 6), "users": len(self.recall)}


def ranking_metrics(ranking: Ranking, wanted: Targets, *, k: int, catalogue_size: int) -> RankingMetrics:
    """Judge the first `k` of `ranking` (a row per user of `wanted`).

    With h(r) = 1 where rank r was taken and n = number of items taken:
    recall@k = Σ h(r) / n; precision@k = Σ h(r) / k; hit = any h(r);
    NDCG@k = Σ h(r) / log2(r + 1) divided by its value for an ideal list (Järvelin and Kekäläinen 2002);
    AP@k = Σ h(r) · precision@r / min(n, k) (Manning et al. 2008, ch. 8).
    """
    shown = ranking.items[:, :k]
    hits = _hits(shown, wanted).astype(np.float64)
    taken = np.diff(wanted.starts).astype(np.float64)
    ranks = np.arange(1, shown.shape[1] + 1)
    discount = 1 / np.log2(ranks + 1)
    ideal = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(1, k + 1) + 1))])
    reachable = np.minimum(taken, k)
    precision = np.cumsum(hits, axis=1) / ranks
    distinct = len(np.unique(shown[shown != NO_ITEM]))
    return RankingMetrics(
        k=k,
        recall=hits.sum(axis=1) / taken,
        ndcg=(hits * discount).sum(axis=1) / ideal[reachable.astype(np.int64)],
        average_precision=(hits * precision).sum(axis=1) / reachable,
        precision=hits.sum(axis=1) / k,
        hit=hits.max(axis=1, initial=0.0),
        coverage=distinct / catalogue_size if catalogue_size else 0.0,
    )


def _hits(shown: IntArray, wanted: Targets) -> BoolArray:
    hits = np.zeros(shown.shape, dtype=np.bool_)
    for row in range(len(shown)):
        hits[row] = np.isin(shown[row], wanted.items[wanted.starts[row] : wanted.starts[row + 1]])
    return hits


def _mean(values: Values) -> float:
    return round(float(values.mean()), 6) if len(values) else 0.0
