"""Model versions: one training at a time, held by a lease; what is in use; one step back."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from threading import Event, Thread
from typing import Any

from django.db import Error, IntegrityError, connection, transaction
from django.db.models import Max
from django.db.models.functions import Now

from common import clock
from recommendations.models import ModelVersion, Recommendation

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=3)
HEARTBEAT_SECONDS = 30.0
Status = ModelVersion.Status


class TrainingBusyError(Exception):
    """Another training is under way."""


class LeaseLostError(Exception):
    """This training took so long that another one may have taken its place; nothing of it was kept."""


def champion() -> ModelVersion | None:
    """The version in use, or None before the first."""
    return ModelVersion.objects.filter(status=Status.CHAMPION).first()


def held_champion() -> ModelVersion | None:
    """The version in use, locked until the transaction ends; None without one, and while somebody else holds it."""
    champions = ModelVersion.objects.filter(status=Status.CHAMPION)
    return champions.select_for_update(skip_locked=True, no_key=True).first()


def begin_training(*, engine: str, parameters: dict[str, Any]) -> ModelVersion:
    """Take the only place there is for a training; raise `TrainingBusyError` where it is taken.

    A training whose lease ran out (its worker died) is marked as failed and gives way.
    """
    overdue = ModelVersion.objects.filter(status=Status.TRAINING, lease_until__lt=Now())
    overdue.update(status=Status.FAILED, finished_at=Now(), error="The lease ran out: its worker died.")
    try:
        with transaction.atomic():
            last = ModelVersion.objects.filter(engine=engine).aggregate(last=Max("number"))["last"] or 0
            version = ModelVersion.objects.create(
                engine=engine, number=last + 1, started_at=clock.now(), parameters=parameters
            )
            renew_lease(version)
    except IntegrityError as error:
        raise TrainingBusyError("A training is under way; wait until it has finished.") from error
    return version


def renew_lease(version: ModelVersion) -> None:
    """Keep the place for three more minutes by the database's clock; raise `LeaseLostError` if it is gone."""
    held = ModelVersion.objects.filter(pk=version.pk, status=Status.TRAINING)
    if held.update(lease_until=Now() + LEASE) != 1:
        raise LeaseLostError(f"{version} is no longer in training.")


@contextmanager
def heartbeat(version: ModelVersion, *, every_seconds: float = HEARTBEAT_SECONDS) -> Iterator[None]:
    """Renew the lease from a thread and connection of its own for as long as the block runs.

    However long an engine learns without a word, the lease is that of a living process; a killed one loses it within
    three minutes. The thread only renews: that the lease is lost is for `renew_lease` and `hold` to say.
    """
    over = Event()
    thread = Thread(target=_beat, args=(version, over, every_seconds), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _beat(version: ModelVersion, over: Event, every_seconds: float) -> None:
    with suppress(LeaseLostError):
        while not over.wait(every_seconds):
            try:
                renew_lease(version)
            except Error as error:
                logger.warning("The lease of %s was not renewed: %s", version, error)
            finally:
                connection.close()


def hold(version: ModelVersion) -> None:
    """Lock the row of a running training until the transaction ends; raise `LeaseLostError` if it is gone."""
    held = ModelVersion.objects.select_for_update().filter(pk=version.pk, status=Status.TRAINING)
    if not held.exists():
        raise LeaseLostError(f"{version} is no longer in training.")


def fail(version: ModelVersion, *, error: str) -> None:
    """Note why a training came to nothing."""
    held = ModelVersion.objects.filter(pk=version.pk, status=Status.TRAINING)
    held.update(status=Status.FAILED, error=error, finished_at=clock.now(), lease_until=None)


def retire_champion() -> None:
    """Mark the version in use as retired."""
    ModelVersion.objects.filter(status=Status.CHAMPION).update(status=Status.RETIRED)


def withdraw_champion() -> None:
    """Take the version in use out of service: everybody is served bestsellers until the next training."""
    with transaction.atomic():
        retire_champion()
        Recommendation.objects.all().delete()
