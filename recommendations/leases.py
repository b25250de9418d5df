"""One training of a kind of model at a time, held by a lease and a heartbeat; cancelling; one step back.

The row is the truth: whoever renews, ends or puts into use does so only while its row is still in training.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from threading import Event, Thread
from typing import TypeVar

from django.db import Error, IntegrityError, connection, transaction
from django.db.models import Max, QuerySet
from django.db.models.functions import Now

from common import clock
from recommendations.versions import Status, TrainedVersion

logger = logging.getLogger(__name__)

LEASE = timedelta(minutes=3)
HEARTBEAT_SECONDS = 30.0
V = TypeVar("V", bound=TrainedVersion)


class TrainingBusyError(Exception):
    """Another training is under way, or this one was done already."""


class TrainingStoppedError(Exception):
    """This training was cancelled, or its lease ran out; nothing of it was kept."""


class CannotGoBackError(Exception):
    """An earlier version cannot be put back into use; the message says why. Nothing was changed."""


def running(model: type[V]) -> V | None:
    """The training under way; None also where its worker has died."""
    return model._default_manager.filter(model.in_training()).first()


def begin(version: V) -> V:
    """Number and store a new `version` in the only place there is for a training.

    A training whose lease ran out (its worker died) is marked as failed and gives way. Raises `TrainingBusyError` where
    the place is taken, and where the task `asked_as` has had its training before: it was delivered twice.
    """
    versions = _all(version)
    overdue = versions.filter(status=Status.TRAINING, lease_until__lt=Now())
    overdue.update(status=Status.FAILED, finished_at=Now(), verdict="The lease ran out: its worker died.")
    of_subject = versions.filter(**{version.subject: getattr(version, version.subject)})
    if version.asked_as and of_subject.filter(asked_as=version.asked_as).exists():
        raise TrainingBusyError("This training was asked for once, and begun already.")
    try:
        with transaction.atomic():
            version.number = (of_subject.aggregate(last=Max("number"))["last"] or 0) + 1
            version.started_at = clock.now()
            version.save(force_insert=True)
            renew(version)
    except IntegrityError as error:
        raise TrainingBusyError("A training is under way; wait until it has finished.") from error
    return version


def renew(version: TrainedVersion) -> None:
    """Keep the place for three more minutes by the database's clock; raise `TrainingStoppedError` if it is gone."""
    if _held(version).update(lease_until=Now() + LEASE) != 1:
        raise _stopped(version)


@contextmanager
def heartbeat(version: TrainedVersion, *, every_seconds: float = HEARTBEAT_SECONDS) -> Iterator[None]:
    """Renew the lease from a thread and connection of its own for as long as the block runs.

    However long a model learns without a word, the lease is that of a living process; a killed one loses it within
    three minutes. The thread only renews: that the lease is lost is for `renew` and `hold` to say.
    """
    over = Event()
    thread = Thread(target=_beat, args=(version, over, every_seconds), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def hold(version: TrainedVersion) -> None:
    """Lock the row of a running training until the transaction ends; raise `TrainingStoppedError` if it is gone."""
    if not _held(version).select_for_update(no_key=True).exists():
        raise _stopped(version)


def cancel(model: type[V]) -> bool:
    """Stop the training under way at its next step; False where none is, or it is just being put into use."""
    with transaction.atomic():
        training = model._default_manager.filter(status=Status.TRAINING)
        version = training.select_for_update(skip_locked=True, no_key=True).first()
        if version is None:
            return False
        version.status, version.verdict = Status.CANCELLED, "It was cancelled."
        version.finished_at, version.lease_until = clock.now(), None
        version.save(update_fields=["status", "verdict", "finished_at", "lease_until"])
    return True


def finish(version: TrainedVersion, status: Status, *, verdict: str) -> None:
    """End a training and store all of it; as champion it replaces the one before.

    Raises `TrainingStoppedError` where it was stopped.
    """
    with transaction.atomic():
        hold(version)
        if status == Status.CHAMPION:
            retire_champion(version)
        version.status, version.verdict = status, verdict
        version.finished_at, version.lease_until = clock.now(), None
        version.save()


def fail(version: TrainedVersion, error: Exception) -> None:
    """Note why a training came to nothing, unless it was stopped before."""
    verdict = f"{type(error).__name__}: {error}"
    _held(version).update(status=Status.FAILED, verdict=verdict, finished_at=clock.now(), lease_until=None)


def retire_champion(version: TrainedVersion) -> None:
    """Mark the version that is in use for the same thing as retired."""
    champions = _all(version).filter(version.of_its_rivals(), status=Status.CHAMPION)
    champions.update(status=Status.RETIRED)


def one_before(champion: V) -> V | None:
    """The version that was in use before `champion`, to which one can go back."""
    retired = type(champion)._default_manager.filter(champion.of_its_rivals(), status=Status.RETIRED)
    return retired.filter(pk__lt=champion.pk).order_by("-pk").first()


def put_back(champion: V, before: V) -> bool:
    """Put `before` into use in place of `champion`, which is rejected; False where they stand otherwise by now."""
    with transaction.atomic():
        if not _move(champion, Status.CHAMPION, Status.REJECTED):
            return False
        if not _move(before, Status.RETIRED, Status.CHAMPION):
            transaction.set_rollback(True)
            return False
    return True


def _move(version: TrainedVersion, is_now: Status, becomes: Status) -> bool:
    moved = _all(version).filter(pk=version.pk, status=is_now).update(status=becomes) == 1
    if moved:
        version.status = becomes
    return moved


def _all(version: TrainedVersion) -> QuerySet[TrainedVersion]:
    return type(version)._default_manager.all()


def _held(version: TrainedVersion) -> QuerySet[TrainedVersion]:
    return _all(version).filter(pk=version.pk, status=Status.TRAINING)


def _stopped(version: TrainedVersion) -> TrainingStoppedError:
    return TrainingStoppedError(f"{version} is no longer in training.")


def _beat(version: TrainedVersion, over: Event, every_seconds: float) -> None:
    with suppress(TrainingStoppedError):
        while not over.wait(every_seconds):
            try:
                renew(version)
            except Error as error:
                logger.warning("The lease of %s was not renewed: %s", version, error)
            finally:
                connection.close()
