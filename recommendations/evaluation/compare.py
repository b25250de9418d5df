"""Engines against popularity on one temporal holdout, for all purchases and for discoveries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from recommendations.engines.base import Exclusions, Features, Model
from recommendations.engines.popularity import Popularity

from .bootstrap import Difference, paired_difference
from .metrics import RankingMetrics, ranking_metrics
from .split import Targets, TemporalSplit, targets

BASELINE_HALF_LIVES_DAYS = (7.0, 14.0, 30.0, 90.0)
ALL_PURCHASES, DISCOVER = "all", "discover"
TASKS = (ALL_PURCHASES, DISCOVER)


@dataclass(frozen=True, slots=True)
class Judged:
    """One engine's metrics on each task, and the paired difference of NDCG and recall to the baseline."""

    name: str
    metrics: dict[str, RankingMetrics]
    against_baseline: dict[str, dict[str, Difference]]

    def as_json(self) -> dict[str, Any]:
        """Plain values, as stored with a model version."""
        return {
            task: {
                **self.metrics[task].means(),
                "against_popularity": {
                    metric: difference.as_json()
                    for metric, difference in self.against_baseline.get(task, {}).items()
                },
            }
            for task in self.metrics
        }


def judge(model: Model, split: TemporalSplit, *, k: int) -> dict[str, RankingMetrics]:
    """Metrics of a `model` fitted on `split.train`, on each task.

    `discover` leaves out what the user had before, from the lists and from what counts.
    """
    return {task: _judge_task(model, split, task=task, k=k) for task in TASKS}


def _judge_task(model: Model, split: TemporalSplit, *, task: str, k: int) -> RankingMetrics:
    wanted: Targets = targets(split, only_new=task == DISCOVER)
    exclude = Exclusions.already_had(split.train.purchases(), wanted.users) if task == DISCOVER else None
    ranking = model.recommend(wanted.users, k, exclude)
    return ranking_metrics(ranking, wanted, k=k, catalogue_size=len(model.item_ids))


def strongest_popularity(split: TemporalSplit, *, k: int) -> Judged:
    """Popularity at whichever half-life does best on the holdout, chosen for each task.

    Choosing on the holdout favours the baseline: whoever beats it has beaten a hard one.
    """
    candidates = [
        judge(Popularity(half_life).fit(split.train.purchases(), Features()), split, k=k)
        for half_life in BASELINE_HALF_LIVES_DAYS
    ]
    best = {task: max((c[task] for c in candidates), key=lambda m: m.ndcg.sum()) for task in TASKS}
    return Judged("popularity", best, {})


def differences(ours: dict[str, RankingMetrics], theirs: Judged) -> dict[str, dict[str, Difference]]:
    """Paired differences of NDCG and recall on each task."""
    return {
        task: {
            "ndcg": paired_difference(ours[task].ndcg, theirs.metrics[task].ndcg),
            "recall": paired_difference(ours[task].recall, theirs.metrics[task].recall),
        }
        for task in TASKS
    }
