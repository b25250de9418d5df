"""Versions of recommenders: what is in use, and taking it out of use. Trainings take their place by a lease."""

from __future__ import annotations

from django.db import transaction

from recommendations import leases
from recommendations.models import ModelVersion, Recommendation
from recommendations.versions import Status


def champion() -> ModelVersion | None:
    """The version in use, or None before the first."""
    return ModelVersion.objects.filter(status=Status.CHAMPION).first()


def held_champion() -> ModelVersion | None:
    """The version in use, locked until the transaction ends; None without one, and while somebody else holds it."""
    champions = ModelVersion.objects.filter(status=Status.CHAMPION)
    return champions.select_for_update(skip_locked=True, no_key=True).first()


def withdraw_champion() -> None:
    """Take the version in use out of service: everybody is served bestsellers until the next training."""
    with transaction.atomic():
        if (version := champion()) is not None:
            leases.retire_champion(version)
        Recommendation.objects.all().delete()
