"""What the latest judgement of uplift shows on its page: the average effect, and whether it differs between people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from common.charts import Chart, Series
from recommendations.predictions.methods import uplift as method
from recommendations.predictions.models import PredictionVersion
from recommendations.predictions.report_cards import Field, fields_of
from recommendations.predictions.uplift import UPLIFT, points


@dataclass(frozen=True, slots=True)
class Effect:
    """The newest version that was judged, with its stored metrics."""

    version: PredictionVersion

    @property
    def metrics(self) -> dict[str, Any]:
        """As `uplift.learn` stored them."""
        return dict(self.version.metrics)

    @property
    def is_proven_to_differ(self) -> bool:
        """Whether the Qini interval lies above 0, so that there is a score."""
        return float(self.metrics["qini"]["low"]) > 0

    @property
    def fields(self) -> Sequence[Field]:
        """What each data point is worth for telling people apart by the effect, the most important first."""
        return fields_of(self.metrics)

    @property
    def average(self) -> str:
        """By how much a mail changes the share that orders."""
        return points(self.metrics["effect"]["estimate"])

    @property
    def interval(self) -> str:
        """The 95 % interval of the average."""
        effect = self.metrics["effect"]
        return f"{points(effect['low'])} to {points(effect['high'])}"

    @property
    def qini(self) -> str:
        """The Qini coefficient with its interval."""
        return method.Interval(**self.metrics["qini"]).sentence

    @property
    def curve(self) -> Chart:
        """Orders gained by mailing more and more, those first for whom most is predicted, against chance."""
        gained = self.metrics["curve"]
        steps = range(len(gained))
        return Chart(
            title="Orders gained by mailing more customers",
            kind="line",
            category_label="Share of customers mailed",
            categories=[f"{10 * step} %" for step in steps],
            series=[
                Series(name="Best first", values=gained),
                Series(
                    name="In any order", values=[round(gained[-1] * step / steps[-1], 1) for step in steps]
                ),
            ],
        )


def latest_effect() -> Effect | None:
    """The newest judgement; None before there was enough data for one. One query."""
    judged = PredictionVersion.objects.filter(kind=UPLIFT, metrics__has_key="qini")
    version = judged.order_by("-started_at", "-pk").first()
    return Effect(version) if version is not None else None
