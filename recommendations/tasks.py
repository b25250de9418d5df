"""Doorbells for the recommender. The worker of `train` runs in the solo pool: OpenMP can hang in forked children.

What trains is acknowledged as it begins, not as it ends: a training that took its worker down (for want of memory, say)
is not begun again by itself. Its lease runs out within three minutes, and the next night trains.
"""

from __future__ import annotations

import logging
from datetime import datetime

from celery import Task, shared_task

from recommendations.recipes import DEFAULT_ENGINE

logger = logging.getLogger(__name__)
BATCH, MOST_BATCHES = 1000, 20


@shared_task
def freshen_recommendations() -> None:
    """Let what somebody just did change what they are shown; a bounded number of batches, beat comes again."""
    from recommendations.freshening import freshen_acting

    for _ in range(MOST_BATCHES):
        if freshen_acting(limit=BATCH) < BATCH:
            break


@shared_task(bind=True, acks_late=False)
def train_recommender(self: Task[..., None], engine: str = DEFAULT_ENGINE, now: str | None = None) -> None:
    """Train on what happened before `now` (ISO 8601; None: as far as the data go), unless a training is under way."""
    from recommendations import progress
    from recommendations.leases import TrainingBusyError, TrainingStoppedError
    from recommendations.training import train

    moment = datetime.fromisoformat(now) if now else None
    try:
        train(engine=engine, now=moment, report=progress.note, asked_as=self.request.id or "")
    except (TrainingBusyError, TrainingStoppedError) as stopped:
        logger.info("Not trained: %s", stopped)
    finally:
        progress.forget()


@shared_task(acks_late=False)
def go_back_to_the_version_before(champion_id: int, before_id: int) -> None:
    """Put an earlier recommender back into use in place of the champion, unless that is not in use any more."""
    from recommendations import progress
    from recommendations.going_back import go_back
    from recommendations.horizon import learns_until
    from recommendations.leases import CannotGoBackError
    from recommendations.models import ModelVersion

    versions = ModelVersion.objects.in_bulk([champion_id, before_id])
    try:
        go_back(
            champion=versions[champion_id],
            before=versions[before_id],
            now=learns_until(),
            report=lambda *stage: progress.note_going_back(),
        )
    except CannotGoBackError as cannot:
        logger.info("Not gone back: %s", cannot)
    finally:
        progress.forget()


@shared_task(bind=True, acks_late=False)
def refresh_predictions(self: Task[..., None], kinds: list[str] | None = None, anew: bool = False) -> None:
    """Score everybody, train what has no version in use (with `anew` all of `kinds`), unless a training runs."""
    _refresh_predictions(kinds, anew=anew, asked_as=self.request.id or "")


@shared_task(bind=True, acks_late=False)
def train_predictions(self: Task[..., None]) -> None:
    """Train all predictions anew and score everybody, unless a training runs."""
    _refresh_predictions(None, anew=True, asked_as=self.request.id or "")


def _refresh_predictions(kinds: list[str] | None, *, anew: bool, asked_as: str) -> None:
    from recommendations.horizon import learns_until
    from recommendations.leases import TrainingBusyError, TrainingStoppedError
    from recommendations.predictions import progress
    from recommendations.predictions.refreshing import refresh
    from recommendations.predictions.training import KINDS

    try:
        refresh(now=learns_until(), kinds=kinds or KINDS, anew=anew, report=progress.note, asked_as=asked_as)
    except (TrainingBusyError, TrainingStoppedError) as stopped:
        logger.info("Predictions: %s", stopped)
    finally:
        progress.forget()


@shared_task
def refresh_external_models() -> int:
    """Ring for every model elsewhere whose turn it is; return how many there are."""
    from common import clock
    from recommendations.external.refreshing import due

    ids = due(clock.now())
    for id in ids:
        refresh_external_model.delay(id)
    return len(ids)


@shared_task
def refresh_external_model(id: int) -> None:
    """Ask one model elsewhere, unless a round with it is under way."""
    from recommendations.external.refreshing import refresh

    refresh(id)
