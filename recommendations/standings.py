"""What a version's stored metrics say, as a table and a chart: every model on every task, against popularity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from common.charts import Chart, Series
from recommendations import drift
from recommendations.models import ModelVersion
from recommendations.predictions.methods.drift import LARGE
from recommendations.recipes import LABELS

TASKS = {
    "all": "All purchases",
    "discover": "Discoveries (products not bought before)",
}
POPULARITY = "popularity"
_SHORT = {"lightfm": "LightFM", "item_knn": "Neighbours", "blend": "Blend"}
_SHORT_TASKS = {"all": "all", "discover": "new"}
_VERDICTS = {
    "better": ("Better", "success"),
    "worse": ("Worse", "danger"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One model's metrics on one task; `short` names both.

    `difference` is that of NDCG to popularity, with its interval; None for popularity itself.
    """

    model: str
    short: str
    ndcg: float
    recall: float
    hit_rate: float
    coverage: float
    difference: Mapping[str, Any] | None
    recall_difference: Mapping[str, Any] | None

    @property
    def verdict(self) -> str:
        """Better, worse, or that no difference was shown."""
        return _VERDICTS.get(str((self.difference or {}).get("verdict")), ("No difference shown", "neutral"))[
            0
        ]

    @property
    def tone(self) -> str:
        """How the verdict is coloured."""
        return _VERDICTS.get(str((self.difference or {}).get("verdict")), ("", "neutral"))[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """All models on one task, popularity first."""

    label: str
    customers: int
    standings: Sequence[Standing]


@dataclass(frozen=True, slots=True, kw_only=True)
class Standings:
    """A version's report card: how long the holdout was, how many places a list had, the tasks."""

    k: int
    test_days: int
    tasks: Sequence[Task]

    def chart(self) -> Chart:
        """Differences of recall to popularity with their intervals, models by tasks."""
        rows = [
            (one.short, one.recall_difference)
            for task in self.tasks
            for one in task.standings
            if one.recall_difference
        ]
        return Chart(
            title=f"Recall in {self.k} places, more or less than popularity has, with 95 % intervals",
            kind="interval",
            unit="percent",
            category_label="Model and task",
            categories=[label for label, _ in rows],
            series=[
                Series(
                    name="More recall than popularity",
                    values=[difference["mean"] for _, difference in rows],
                    low=[difference["low"] for _, difference in rows],
                    high=[difference["high"] for _, difference in rows],
                )
            ],
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """How far customers lay from those of `against`, when the newest training read them: label, index, is it far."""

    against: str
    rows: Sequence[tuple[str, float, bool]]


def newest_drift() -> Drift | None:
    """What the newest training that had something to compare with found; None before. One query."""
    version = ModelVersion.objects.filter(metrics__has_key="drift").first()
    if version is None:
        return None
    noted = version.metrics["drift"]
    found = [
        (label, noted["columns"][name]) for name, label in drift.LABELS.items() if name in noted["columns"]
    ]
    rows = [(label, index, index >= LARGE) for label, index in found]
    return Drift(against=noted["against"], rows=rows)


def standings(version: ModelVersion) -> Standings | None:
    """Read a version's metrics; None where the holdout was too small for any."""
    metrics = version.metrics
    if POPULARITY not in metrics:
        return None
    models = [name for name in LABELS if isinstance(metrics.get(name), dict) and name != POPULARITY]
    return Standings(
        k=metrics["k"],
        test_days=metrics["test_days"],
        tasks=[
            _task(label, metrics, [POPULARITY, *models], key=key)
            for key, label in TASKS.items()
            if key in metrics[POPULARITY]
        ],
    )


def _task(label: str, metrics: Mapping[str, Any], models: Sequence[str], *, key: str) -> Task:
    return Task(
        label=label,
        customers=metrics[POPULARITY][key]["users"],
        standings=[
            _standing(name, key, metrics[name][key], k=metrics["k"])
            for name in models
            if key in metrics[name]
        ],
    )


def _standing(name: str, task: str, values: Mapping[str, Any], *, k: int) -> Standing:
    against = values.get("against_popularity", {})
    return Standing(
        model=LABELS[name],
        short=f"{_SHORT.get(name, LABELS[name])}, {_SHORT_TASKS[task]}",
        ndcg=values[f"ndcg@{k}"],
        recall=values[f"recall@{k}"],
        hit_rate=values[f"hit_rate@{k}"],
        coverage=values["coverage"],
        difference=against.get("ndcg"),
        recall_difference=against.get("recall"),
    )
