"""One step back: the recommender that was in use before is made again, and everybody's row written by it.

Nobody's vector and nobody's history is in a model's file, so the file alone cannot serve anybody. The recipe learns
again from the time that it had learned from, with its seed; where nothing was changed or deleted since, that gives the
very file that was stored. What customers did since is known to it too, but not learned from.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

import numpy as np
from django.db import transaction

from common import clock
from recommendations import leases
from recommendations.engines.base import IntArray, Interactions, Model
from recommendations.features import read_features
from recommendations.interactions import read_interactions
from recommendations.leases import CannotGoBackError
from recommendations.models import ModelVersion
from recommendations.recipes import build_engine
from recommendations.training import store_artefact, store_recommendations

logger = logging.getLogger(__name__)

RECENT = timedelta(days=28)
LEAST_KNOWN = 0.5
"""How much of what was bought lately an earlier model must know to be put back into use."""
Report = Callable[[str, int, int], None]


def go_back(
    *, champion: ModelVersion, before: ModelVersion, now: datetime, report: Report | None = None
) -> ModelVersion:
    """Make the model of `before` again, write everybody's row by it, and put it into use in place of `champion`.

    Raises `CannotGoBackError`, noted as the verdict of `before`, where it cannot be made again, knows too little of
    what is bought by `now`, or something else is in use by then: a task that is delivered twice goes back once.
    """
    try:
        return _go_back(champion, before, now, report or _silent)
    except CannotGoBackError as error:
        logger.warning("%s is not in use again: %s", before, error)
        verdict = f"On {clock.now():%d %b %Y} it could not be put back into use: {error}"
        ModelVersion.objects.filter(pk=before.pk, status=ModelVersion.Status.RETIRED).update(verdict=verdict)
        raise


def _silent(stage: str, done: int, total: int) -> None:
    """Nobody wants to know how far it is."""


def _go_back(champion: ModelVersion, before: ModelVersion, now: datetime, tell: Report) -> ModelVersion:
    tell("read", 0, 1)
    present = read_interactions(now=now)
    tell("learn", 0, 1)
    model = _made_again(before)
    _require_known(model.item_ids, present, now)
    was = before.artefact_sha256
    with transaction.atomic():
        if not leases.put_back(champion, before):
            raise CannotGoBackError(
                f"by now {champion} is not in use, or {before} is not to be gone back to."
            )
        store_artefact(before, model, suffix="-again")
        store_recommendations(before, model.seen(present), np.unique(present.users), tell)
        before.verdict = _verdict(before, is_same=before.artefact_sha256 == was)
        before.save(update_fields=["verdict", "artefact_path", "artefact_sha256"])
    return before


def _made_again(before: ModelVersion) -> Model:
    if before.data_until is None:
        raise CannotGoBackError("it is not known from which time it learned.")
    try:
        engine = build_engine(before.engine, before.parameters)
    except (TypeError, ValueError) as error:
        raise CannotGoBackError(f"its recipe is not known any more ({error}).") from error
    past = read_interactions(now=before.data_until)
    if not len(past):
        raise CannotGoBackError("what it learned from has been deleted.")
    return engine.fit(past, read_features(np.unique(past.users)))


def _require_known(item_ids: IntArray, present: Interactions, now: datetime) -> None:
    bought = present.purchases()
    lately = bought.items[bought.times >= int((now - RECENT).timestamp())]
    known = float(np.isin(lately, item_ids).mean()) if len(lately) else 1.0
    if known < LEAST_KNOWN:
        raise CannotGoBackError(
            f"its catalogue is too old. It knows {known:.0%} of what was bought in the last {RECENT.days} days, and "
            f"at least {LEAST_KNOWN:.0%} is needed."
        )


def _verdict(before: ModelVersion, *, is_same: bool) -> str:
    exactly = (
        "exactly the model of then"
        if is_same
        else "not bit for bit the model of then: what it learned from, or its file, was changed or deleted since"
    )
    return (
        f"Put back into use on {clock.now():%d %b %Y}. It was learned again from what happened until "
        f"{before.data_until:%d %b %Y} and is {exactly}."
    )
