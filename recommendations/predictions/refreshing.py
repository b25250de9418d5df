"""The nightly round: train what is due, score everybody anew, one kind after the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from recommendations.predictions import registry
from recommendations.predictions.interest import refresh_interest
from recommendations.predictions.models import PredictionVersion
from recommendations.predictions.training import KINDS, refresh_scores, train

TRAINED_EVERY = timedelta(days=7)
Report = Callable[[str, str, int, int], None]
_SETTLED = (
    PredictionVersion.Status.CHAMPION,
    PredictionVersion.Status.RETIRED,
    PredictionVersion.Status.REJECTED,
)


def refresh(
    *, now: datetime, kinds: Sequence[str] = KINDS, anew: bool = False, report: Report | None = None
) -> None:
    """Train the kinds whose last training is a week old, or all of `kinds` `anew`; score the others by what is in use.

    A kind that waits for data is tried each time. `report(kind, stage, done, total)` is called as it goes on. Raises
    as `training.train` does.
    """
    refresh_interest(now)
    for kind in kinds:
        if anew or _is_due(kind, now):
            train(kind, now=now, report=_told(kind, report))
        else:
            refresh_scores(kind, now=now)


def _is_due(kind: str, now: datetime) -> bool:
    lately = PredictionVersion.objects.filter(
        kind=kind, status__in=_SETTLED, data_until__gt=now - TRAINED_EVERY
    )
    return registry.champion(kind) is None or not lately.exists()


def _told(kind: str, report: Report | None) -> Callable[[str, int, int], None] | None:
    return None if report is None else lambda stage, done, total: report(kind, stage, done, total)
