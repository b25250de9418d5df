"""Versions of predictions: what is in use of a kind, and one step back. Trainings take their place by a lease."""

from __future__ import annotations

from django.conf import settings

from recommendations import leases
from recommendations.engines import artefacts
from recommendations.predictions.models import PredictionVersion
from recommendations.versions import Status


def champion(kind: str) -> PredictionVersion | None:
    """The version whose scores are in use, or None before the first."""
    return PredictionVersion.objects.filter(kind=kind, status=Status.CHAMPION).first()


def roll_back(kind: str) -> PredictionVersion | None:
    """Put the version that was in use before back into use; None where there is none. Scores follow with a refresh.

    Raises `leases.CannotGoBackError` where its file is gone or damaged.
    """
    current = champion(kind)
    before = leases.one_before(current) if current is not None else None
    if current is None or before is None:
        return None
    try:
        artefacts.load(settings.MODELS_DIR / before.artefact_path, sha256=before.artefact_sha256)
    except (OSError, artefacts.DamagedArtefactError) as error:
        raise leases.CannotGoBackError(f"The file of {before} is gone or damaged; train anew.") from error
    return before if leases.put_back(current, before) else None
