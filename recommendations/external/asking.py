"""Asking a model over HTTP: customers in batches, their scores or products back; tried again where that can help.

We send `{"score": "churn", "as_of": "2026-06-01T02:00:00+00:00", "customers": [{"id": "…", "features": {…}}]}` and
expect `{"version": "7", "scores": [{"id": "…", "score": 0.12}]}`. Of a model that gives recommendations the question
begins with `{"recommendations": "name", "most": 50, …` and rows are `{"id": "…", "products": ["SKU-1", …]}`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any

import httpx
import numpy as np

from common import outbound
from customers.models import Customer
from recommendations.external.answers import MOST_PRODUCTS, Answer, ExternalModelError
from recommendations.external.models import ExternalModel
from recommendations.predictions.features import Known, read_features
from recommendations.predictions.methods.tables import is_text

BATCH = 1000
ATTEMPTS = 3
WAIT_SECONDS = 2.0
TIMEOUT = httpx.Timeout(30.0, connect=10.0)
MOST_ANSWER_SECONDS = 60.0
MOST_ANSWER_BYTES = 8 * 2**20
_AGAIN = {408, 425, 429, 500, 502, 503, 504}
Batch = dict[str, int]


def ask(model: ExternalModel, answer: Answer, *, now: datetime, hold: Callable[[], None]) -> None:
    """Ask about everybody who allows profiling, and put what comes into `answer`; `hold` is called before each batch.

    Raises `ExternalModelError`.
    """
    features = read_features(as_of=now) if model.sends_features else None
    headers = {"Authorization": f"Bearer {model.secret}"} if model.secret else {}
    with outbound.client(timeout=TIMEOUT) as client:
        for batch in batches():
            hold()
            question = {
                **_wanted(model),
                "as_of": now.isoformat(),
                "customers": _customers(batch, features),
            }
            _take(_post(client, model.location, question, headers), batch, answer)


def _wanted(model: ExternalModel) -> dict[str, Any]:
    if model.is_recommender:
        return {"recommendations": model.key, "most": MOST_PRODUCTS}
    return {"score": model.key}


def batches() -> Iterator[Batch]:
    """Customers who allow profiling, public id → key, a thousand at a time; a query each."""
    after = 0
    while True:
        people = Customer.objects.filter(pk__gt=after, allows_profiling=True, is_anonymous=False)
        rows = list(people.order_by("pk").values_list("public_id", "pk")[:BATCH])
        if not rows:
            return
        after = rows[-1][1]
        yield {str(public_id): pk for public_id, pk in rows}


def _customers(batch: Batch, features: Known | None) -> list[dict[str, Any]]:
    if features is None:
        return [{"id": public_id} for public_id in batch]
    return [{"id": public_id, "features": _row(features, pk)} for public_id, pk in batch.items()]


def _row(features: Known, customer: int) -> dict[str, Any] | None:
    """The features of one customer by name, missing ones null; None for one without any history."""
    at = int(np.searchsorted(features.customers, customer))
    if at == len(features.customers) or features.customers[at] != customer:
        return None
    columns = features.table.columns.items()
    return {name: str(values[at]) if is_text(values) else _number(values[at]) for name, values in columns}


def _number(value: Any) -> float | None:
    return None if np.isnan(value) else float(value)


def _take(said: Any, batch: Batch, answer: Answer) -> None:
    if not isinstance(said, Mapping) or not isinstance(said.get(answer.rows), list):
        raise ExternalModelError(f'the answer must be an object with "version" and a list "{answer.rows}"')
    answer.require_version(said.get("version"))
    before = len(answer)
    for number, row in enumerate(said[answer.rows]):
        place = f"{answer.rows}[{number}]"
        if isinstance(row, Mapping):
            answer.take(place, row.get("id"), row.get(answer.column), batch)
        else:
            answer.refuse(place, "it is no object")
    answer.unanswered += len(batch) - (len(answer) - before)


def _post(client: httpx.Client, address: str, question: Mapping[str, Any], headers: Mapping[str, str]) -> Any:
    """The answer's JSON; after a failure that may pass, asked again twice, each time after a longer pause."""
    for attempt in range(ATTEMPTS):
        try:
            return _posted(client, address, question, headers)
        except _PassingError as error:
            if attempt == ATTEMPTS - 1:
                raise ExternalModelError(f"{error} It was asked {ATTEMPTS} times.") from error
            time.sleep(WAIT_SECONDS * 4**attempt)
    raise AssertionError


class _PassingError(Exception):
    """May be over in a moment."""


def _posted(
    client: httpx.Client, address: str, question: Mapping[str, Any], headers: Mapping[str, str]
) -> Any:
    try:
        with client.stream("POST", address, json=question, headers=headers) as response:
            if response.status_code in _AGAIN:
                raise _PassingError(f"it answered {response.status_code}.")
            if not response.is_success:
                raise ExternalModelError(f"it answered {response.status_code}")
            body = outbound.body_of(response, most_bytes=MOST_ANSWER_BYTES, most_seconds=MOST_ANSWER_SECONDS)
    except outbound.InternalAddress as error:
        raise ExternalModelError(str(error)) from error
    except httpx.TransportError as error:
        raise _PassingError(f"{type(error).__name__}: {error or 'no answer in time'}.") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise ExternalModelError(f"{type(error).__name__}: {error}") from error
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise ExternalModelError(f"the answer is not JSON: {error}") from error
