"""The nightly round: score everybody anew, train what has no version in use yet, one kind after the other."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from recommendations import leases
from recommendations.predictions import registry
from recommendations.predictions.interest import refresh_interest
from recommendations.predictions.models import PredictionVersion
from recommendations.predictions.training import KINDS, refresh_scores, train

logger = logging.getLogger(__name__)

STOPPED = (leases.TrainingBusyError, leases.TrainingStoppedError)
Status = PredictionVersion.Status
Report = Callable[[str, str, int, int], None]


def refresh(
    *,
    now: datetime,
    kinds: Sequence[str] = KINDS,
    anew: bool = False,
    report: Report | None = None,
    asked_as: str = "",
) -> None:
    """Train those of `kinds` that have no version in use, or with `anew` all; score everybody by what is in use.

    `report(kind, stage, done, total)` is called as it goes on; `asked_as` is the task that asked. What goes wrong with
    one kind stops no other, nor its own scores: it is raised at the end, as `training.train` raises it; of several the
    first, and a failure before what was stopped.
    """
    failures: list[Exception] = []
    _try(failures, "interest", partial(refresh_interest, now))
    for kind in kinds:
        is_scored = False
        if anew or registry.champion(kind) is None:
            training = partial(train, kind, now=now, report=_told(kind, report), asked_as=asked_as)
            version = _try(failures, kind, training)
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


def _told(kind: str, report: Report | None) -> Callable[[str, int, int], None] | None:
    return None if report is None else lambda stage, done, total: report(kind, stage, done, total)
