"""The plan of a stored experiment, as analysis wants it."""

from datetime import datetime
from typing import cast

from experiments.models import Experiment
from experiments.outcomes import Metric, Plan


def plan_of(
    experiment: Experiment, *, currency: str, as_of: datetime, window_closes_at: datetime | None
) -> Plan:
    """The experiment's plan; see `Plan` for the two times, which the caller knows from its sends."""
    return Plan(
        name=experiment.name,
        primary_metric=cast("Metric", experiment.primary_metric),
        conversion_window_days=experiment.conversion_window_days,
        alpha=experiment.alpha,
        currency=currency,
        as_of=as_of,
        window_closes_at=window_closes_at,
    )
