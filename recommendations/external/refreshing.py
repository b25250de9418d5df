"""A round with a model elsewhere: ask, check, store; or go on with what there is, and in the end with our own."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from tempfile import TemporaryFile

import numpy as np
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now

from common import clock
from customers.models import Alert
from customers.quality.alerts import raise_alert, resolve
from recommendations.external import asking, parquet
from recommendations.external.answers import Answer, ExternalModelError, NothingNewError, Rankings, Scores
from recommendations.external.models import ExternalModel
from recommendations.external.rankings import catalogue, remove_rankings, store_rankings
from recommendations.horizon import learns_until
from recommendations.predictions import registry
from recommendations.predictions.scores import store_scores
from recommendations.predictions.training import refresh_scores

logger = logging.getLogger(__name__)
LEASE = timedelta(minutes=20)


class GivenUpError(Exception):
    """Another round has begun, or the model was switched off; nothing of this one is kept."""


def due(now: datetime) -> list[int]:
    """The keys of models that are to be asked, or whose answer is to be taken out of use."""
    models = ExternalModel.objects.exclude(lease_until__gte=Now())
    return [one.pk for one in models if (one.is_due(now) if one.is_enabled else one.is_in_use)]


def refresh(id: int) -> ExternalModel | None:
    """Ask the model and put its answer into use; None where another round is at it.

    Where it fails, the answer before stays in use until it is too old; then ours is put back, or there is none. Either
    raises an alert, which the next good answer resolves.
    """
    model = _claim(id)
    if model is None:
        return None
    now = clock.now()
    try:
        if model.is_enabled:
            with _answer(model) as answer:
                _read(model, answer, now)
                _store(model, answer, now)
        else:
            _fall_back(model, "It is switched off.", version="", answered_at=None)
            resolve(Q(key=_alert(model)))
    except (ExternalModelError, NothingNewError) as error:
        _go_without(model, _sentence(str(error)), now=now, is_failure=isinstance(error, ExternalModelError))
    except GivenUpError as error:
        logger.info("%s: %s", model, error)
    finally:
        ExternalModel.objects.filter(pk=id, fence=model.fence).update(lease_until=None)
    model.refresh_from_db()
    return model


def _claim(id: int) -> ExternalModel | None:
    free = ExternalModel.objects.filter(pk=id).exclude(lease_until__gte=Now())
    if free.update(fence=F("fence") + 1, lease_until=Now() + LEASE) != 1:
        return None
    return ExternalModel.objects.get(pk=id)


@contextmanager
def _answer(model: ExternalModel) -> Iterator[Scores | Rankings]:
    if not model.is_recommender:
        yield Scores(lowest=model.lowest, highest=model.highest)
        return
    with TemporaryFile("w+", encoding="ascii") as file:
        yield Rankings(catalogue=catalogue(), file=file)


def _read(model: ExternalModel, answer: Answer, now: datetime) -> None:
    if model.source == ExternalModel.Source.HTTP:
        asking.ask(model, answer, now=now, hold=_holder(model))
    else:
        parquet.read(model, answer, hold=_holder(model))
    answer.require_usable(before=model.scored if model.is_in_use else 0)


def _holder(model: ExternalModel) -> Callable[[], None]:
    def hold() -> None:
        held = ExternalModel.objects.filter(pk=model.pk, fence=model.fence, is_enabled=True)
        if held.update(lease_until=Now() + LEASE) != 1:
            raise GivenUpError("this round was given up")

    return hold


def _store(model: ExternalModel, answer: Scores | Rankings, now: datetime) -> None:
    """Put the answer in place of what there was, if this is still the round that may."""
    with transaction.atomic():
        held = ExternalModel.objects.select_for_update().filter(
            pk=model.pk, fence=model.fence, is_enabled=True
        )
        if not held.exists():
            raise GivenUpError("this round was given up")
        if isinstance(answer, Rankings):
            store_rankings(answer, now=now)
        else:
            store_scores(
                kind=model.key,
                customers=answer.customers,
                values=answer.values,
                version=f"{model.key}-elsewhere-{answer.version}"[:50],
                now=now,
            )
        _settle(
            model,
            is_in_use=True,
            asked_at=now,
            answered_at=now,
            version=answer.version,
            scored=len(answer),
            verdict=answer.sentence,
        )
    resolve(Q(key=_alert(model)))


def _go_without(model: ExternalModel, why: str, *, now: datetime, is_failure: bool) -> None:
    """Note why nothing came; an answer that is too old by now gives way.

    Nothing new is a failure only in the long run.
    """
    _settle(model, asked_at=now, verdict=why)
    severity = Alert.Severity.DANGER
    if model.is_in_use and model.is_late(now):
        title = f"The model for {model} is late: {_fall_back(model, why)}"
    elif not is_failure:
        return
    elif model.is_in_use:
        severity = Alert.Severity.WARNING
        title = f"The model for {model} cannot be used; its last {model.what} stay in use for now"
    else:
        title = f"The model for {model} cannot be used"
    raise_alert(_alert(model), severity=severity, title=title, body=why)


def _fall_back(model: ExternalModel, why: str, **changes: object) -> str:
    """Put our own back, or remove the scores of the model where we have none of the name; say which."""
    _settle(model, is_in_use=False, scored=0, **changes)
    if model.is_recommender:
        remove_rankings()
        said = "our own recommendations are in use again."
    elif registry.champion(model.key) is not None:
        refresh_scores(model.key, now=learns_until())
        said = "our own scores are in use again."
    else:
        nobody = np.zeros(0, dtype=np.int64)
        store_scores(kind=model.key, customers=nobody, values=np.zeros(0), version="", now=clock.now())
        said = "there are no scores of this name any more."
    _settle(model, verdict=f"{why} {said[0].upper()}{said[1:]}")
    return said


def _settle(model: ExternalModel, **values: object) -> None:
    ExternalModel.objects.filter(pk=model.pk, fence=model.fence).update(**values)


def _alert(model: ExternalModel) -> str:
    return f"external:{model.key}"


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:].rstrip('.')}."
