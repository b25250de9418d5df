"""The nightly round: train what is due, score everybody anew, one kind after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial

from recommendations.predictions import registry
from recommendations.predictions.interest import refresh_interest
from recommendations.predictions.models import PredictionVersion
from recommendations.predictions.training import KINDS, refresh_scores, train

logger = logging.getLogger(__name__)

STOPPED = (registry.TrainingBusyError, registry.TrainingStoppedError)
Status = PredictionVersion.Status
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
    """Train the kinds whose last training is a week old, or all of `kinds` `anew`; score everybody by what is in use.

    A kind that waits for data is tried each time. `report(kind, stage, done, total)` is called as it goes on. What
    goes wrong with one kind stops no other, nor its own scores: it is raised at the end, as `training.train` raises
    it; of several the first, and a failure before what was stopped.
    """
    failures: list[Exception] = []
    _try(failures, "interest", partial(refresh_interest, now))
    for kind in kinds:
        is_scored = False
        if anew or _is_due(kind, now):
            version = _try(failures, kind, partial(train, kind, now=now, report=_told(kind, report)))
            is_scored = isinstance(version, PredictionVersion) and version.status == Status.CHAMPION
        if not is_scored:
            _try(failures, kind, partial(refresh_scores, kind, now=now))
    if failures:
        raise min(failures, key=lambda failure: isinstance(failure, STOPPED))


def _try(failures: list[Exception], kind: str, work: Callable[[], object]) -> object:
    try:
        return work()
    except STOPPED as stopped:
        logger.info("Predictions of %s: %s", kind, stopped)
        failures.append(stopped)
    except Exception as error:
        logger.exception("Predictions of %s: %s", kind, error)
        failures.append(error)
    return None


def _is_due(kind: str, now: datetime) -> bool:
    lately = PredictionVersion.objects.filter(
        kind=kind, status__in=_SETTLED, data_until__gt=now - TRAINED_EVERY
    )
    return registry.champion(kind) is None or not lately.exists()


def _told(kind: str, report: Report | None) -> Callable[[str, int, int], None] | None:
    return None if report is None else lambda stage, done, total: report(kind, stage, done, total)
