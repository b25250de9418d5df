"""What the pages of predictions show: a version's stored metrics in words, tables and a chart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from common.charts import Chart, Series
from recommendations.predictions.features import LABELS
from recommendations.predictions.methods.drift import LARGE
from recommendations.predictions.methods.families import FAMILIES
from recommendations.predictions.models import PredictionVersion
from recommendations.predictions.targets import TARGETS
from recommendations.predictions.training import KINDS, LTV, LTV_LABEL, SCORE
from recommendations.predictions.uplift import ORDERED

Status = PredictionVersion.Status
_QUESTIONS = {
    LTV: (LTV_LABEL, "How much will a customer who ordered before spend in the next 12 months?"),
    **{one.kind: (one.label, one.question) for one in (*TARGETS.values(), ORDERED)},
}
_FAMILIES = {
    "pareto_nbd": "Pareto/NBD and boosted trees",
    "x_learner": "X-learner of boosted trees",
    **{name: family.label for name, family in FAMILIES.items()},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """A data point: `importance` is the AUC (of uplift the Qini coefficient) that is lost without it, `fill_rate` the
    share of customers who have it.

    `drift` is its stability index as of the last refresh, None before.
    """

    label: str
    importance: float
    fill_rate: float
    drift: float | None

    @property
    def has_drifted(self) -> bool:
        """Whether customers have changed so much in it that the model should learn anew."""
        return self.drift is not None and self.drift >= LARGE


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportCard:
    """One kind of score: the version in use (None before the first) and the newest, whatever came of it."""

    kind: str
    label: str
    question: str
    champion: PredictionVersion | None
    newest: PredictionVersion | None
    has_one_before: bool = False

    @property
    def family(self) -> str:
        """The kind of model that won."""
        return _FAMILIES.get(self.champion.family if self.champion else "", "")

    @property
    def families(self) -> Sequence[tuple[str, dict[str, float]]]:
        """The metrics of all that competed."""
        found = self._metrics.get("families", {})
        return [(FAMILIES[name].label, values) for name, values in found.items()]

    @property
    def fields(self) -> Sequence[Field]:
        """What each data point is worth, the most important first."""
        return fields_of(self._metrics)

    @property
    def calibration(self) -> Chart | None:
        """What was predicted against what happened, tenths of the customers by predicted chance."""
        curve = self._metrics.get("curve")
        if not curve:
            return None
        return Chart(
            title="What was predicted, and what happened",
            kind="line",
            unit="percent",
            category_label="Tenth of customers, the lowest chance first",
            categories=[str(place) for place in range(1, len(curve) + 1)],
            series=[
                Series(name="Predicted", values=[point["predicted"] for point in curve]),
                Series(name="Happened", values=[point["happened"] for point in curve]),
            ],
        )

    @property
    def score_drift(self) -> float | None:
        """The stability index of the scores as of the last refresh; None before."""
        return self._drift.get(SCORE)

    @property
    def has_drifted(self) -> bool:
        """Whether scores have moved so far that the model should learn anew."""
        return (self.score_drift or 0.0) >= LARGE

    @property
    def _drift(self) -> dict[str, float]:
        return self._metrics.get("drift", {}).get("columns", {})

    @property
    def _metrics(self) -> dict[str, Any]:
        return self.champion.metrics if self.champion else {}


def fields_of(metrics: Mapping[str, Any]) -> Sequence[Field]:
    """What each data point is worth by a version's stored metrics, the most important first."""
    drift = metrics.get("drift", {}).get("columns", {})
    rows = [
        Field(
            label=LABELS.get(name, name),
            importance=one["importance"],
            fill_rate=one["fill_rate"],
            drift=drift.get(name),
        )
        for name, one in metrics.get("columns", {}).items()
    ]
    return sorted(rows, key=lambda row: -row.importance)


def overview_rows() -> list[ReportCard]:
    """Every kind in order; two queries."""
    champions = {one.kind: one for one in PredictionVersion.objects.filter(status=Status.CHAMPION)}
    newest = PredictionVersion.objects.order_by("kind", "-started_at", "-pk").distinct("kind")
    latest = {one.kind: one for one in newest}
    return [_card(kind, champions.get(kind), latest.get(kind)) for kind in KINDS]


def report_card(kind: str) -> ReportCard:
    """One kind; three queries."""
    versions = PredictionVersion.objects.filter(kind=kind)
    card = _card(kind, versions.filter(status=Status.CHAMPION).first(), versions.first())
    return replace(card, has_one_before=versions.filter(status=Status.RETIRED).exists())


def _card(kind: str, champion: PredictionVersion | None, newest: PredictionVersion | None) -> ReportCard:
    label, question = _QUESTIONS[kind]
    return ReportCard(kind=kind, label=label, question=question, champion=champion, newest=newest)
