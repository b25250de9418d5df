"""Versions of predictors: one training at a time, held by a lease; cancelling; what is in use; one step back."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import IntegrityError, transaction
from django.db.models import Max
from django.db.models.functions import Now

from common import clock
from recommendations.predictions.models import PredictionVersion

LEASE = timedelta(minutes=20)
Status = PredictionVersion.Status


class TrainingBusyError(Exception):
    """Another training is under way."""


class TrainingStoppedError(Exception):
    """This training was cancelled, or its lease ran out; nothing of it was kept."""


def champion(kind: str) -> PredictionVersion | None:
    """The version whose scores are in use, or None before the first."""
    return PredictionVersion.objects.filter(kind=kind, status=Status.CHAMPION).first()


def running() -> PredictionVersion | None:
    """The training under way; None also where its worker has died."""
    held = PredictionVersion.objects.filter(status=Status.TRAINING)
    return held.exclude(lease_until__lt=Now()).first()


def begin(kind: str, *, data_until: datetime) -> PredictionVersion:
    """Take the only place there is for a training; raise `TrainingBusyError` where it is taken.

    A training whose lease ran out (its worker died) is marked as failed and gives way.
    """
    overdue = PredictionVersion.objects.filter(status=Status.TRAINING, lease_until__lt=Now())
    overdue.update(status=Status.FAILED, finished_at=Now(), verdict="The lease ran out: its worker died.")
    try:
        with transaction.atomic():
            last = PredictionVersion.objects.filter(kind=kind).aggregate(last=Max("number"))["last"] or 0
            version = PredictionVersion.objects.create(
                kind=kind, number=last + 1, started_at=clock.now(), data_until=data_until
            )
            renew(version)
    except IntegrityError as error:
        raise TrainingBusyError("A training is under way; wait until it has finished.") from error
    return version


def renew(version: PredictionVersion) -> None:
    """Keep the place; raise `TrainingStoppedError` where it was cancelled or given away."""
    held = PredictionVersion.objects.filter(pk=version.pk, status=Status.TRAINING)
    if held.update(lease_until=Now() + LEASE) != 1:
        raise TrainingStoppedError(f"{version} is no longer in training.")


def cancel() -> bool:
    """Stop the training under way at its next step; say whether there was one."""
    held = PredictionVersion.objects.filter(status=Status.TRAINING)
    return held.update(status=Status.CANCELLED, finished_at=Now(), lease_until=None) == 1


def finish(version: PredictionVersion, status: PredictionVersion.Status, *, verdict: str) -> None:
    """End a training; as champion it replaces the one before. Raises `TrainingStoppedError` where it was stopped."""
    with transaction.atomic():
        held = PredictionVersion.objects.select_for_update().filter(pk=version.pk, status=Status.TRAINING)
        if not held.exists():
            raise TrainingStoppedError(f"{version} is no longer in training.")
        if status == Status.CHAMPION:
            before = PredictionVersion.objects.filter(kind=version.kind, status=Status.CHAMPION)
            before.update(status=Status.RETIRED)
        version.status, version.verdict = status, verdict
        version.finished_at, version.lease_until = clock.now(), None
        version.save()


def roll_back(kind: str) -> PredictionVersion | None:
    """Put the version that was in use before back into use; None where there is none. Scores follow with a refresh."""
    with transaction.atomic():
        versions = PredictionVersion.objects.select_for_update().filter(kind=kind)
        current = versions.filter(status=Status.CHAMPION).first()
        before = versions.filter(status=Status.RETIRED).order_by("-number").first()
        if current is None or before is None:
            return None
        PredictionVersion.objects.filter(pk=current.pk).update(status=Status.REJECTED)
        PredictionVersion.objects.filter(pk=before.pk).update(status=Status.CHAMPION)
    before.status = Status.CHAMPION
    return before
