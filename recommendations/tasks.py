"""Doorbells for the recommender. The worker of `train` runs in the solo pool: OpenMP can hang in forked children."""

from __future__ import annotations

import logging
from datetime import datetime

from celery import shared_task

from recommendations.recipes import DEFAULT_ENGINE

logger = logging.getLogger(__name__)
BATCH, MOST_BATCHES = 1000, 20


@shared_task(queue="compute")
def freshen_recommendations() -> None:
    """Let what somebody just did change what they are shown; a bounded number of batches, beat comes again."""
    from recommendations.freshening import freshen_acting

    for _ in range(MOST_BATCHES):
        if freshen_acting(limit=BATCH) < BATCH:
            break


@shared_task(queue="train")
def train_recommender(engine: str = DEFAULT_ENGINE, now: str | None = None) -> None:
    """Train on what happened before `now` (ISO 8601; None: as far as the data go), unless a training is under way."""
    from recommendations import progress
    from recommendations.registry import TrainingBusyError
    from recommendations.training import train

    try:
        train(engine=engine, now=datetime.fromisoformat(now) if now else None, report=progress.note)
    except TrainingBusyError as busy:
        logger.info("Not trained: %s", busy)
    finally:
        progress.forget()


@shared_task(queue="train")
def refresh_predictions(kinds: list[str] | None = None, anew: bool = False) -> None:
    """Train the predictions that are due (with `anew` all of `kinds`) and score everybody, unless a training runs."""
    from recommendations.horizon import learns_until
    from recommendations.predictions import progress
    from recommendations.predictions.refreshing import refresh
    from recommendations.predictions.registry import TrainingBusyError, TrainingStoppedError
    from recommendations.predictions.training import KINDS

    try:
        refresh(now=learns_until(), kinds=kinds or KINDS, anew=anew, report=progress.note)
    except (TrainingBusyError, TrainingStoppedError) as stopped:
        logger.info("Predictions: %s", stopped)
    finally:
        progress.forget()


@shared_task(queue="sync")
def refresh_external_models() -> int:
    """Ring for every model elsewhere whose turn it is; return how many there are."""
    from common import clock
    from recommendations.external.refreshing import due

    ids = due(clock.now())
    for id in ids:
        refresh_external_model.delay(id)
    return len(ids)


@shared_task(queue="sync")
def refresh_external_model(id: int) -> None:
    """Ask one model elsewhere, unless a round with it is under way."""
    from recommendations.external.refreshing import refresh

    refresh(id)
