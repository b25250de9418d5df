"""How far today's customers lie from those whom the recommender learned from, and an alert where they lie far."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from django.db.models import Q

from customers.models import Alert
from customers.quality.alerts import raise_alert, resolve
from recommendations.engines.base import DAY_SECONDS, IntArray, Interactions, Model
from recommendations.predictions.methods.drift import LARGE, profile, stability_index
from recommendations.predictions.methods.tables import Table

SCORE = "score"
LABELS = {
    "purchases": "Purchases of a customer in 90 days",
    "acts": "Carts and looks of a customer in 90 days",
    "since": "Days since a customer did anything",
    "products": "Different products of a customer",
    "bought": "What was bought in 28 days",
    SCORE: "Scores",
}
SCORED_CUSTOMERS = 5_000
MOST_PURCHASES = 100_000


def profiles(interactions: Interactions) -> dict[str, Any]:
    """How customers are as of the reading, as plain values: a profile for each of `LABELS` but the scores."""
    found = {name: profile(values) for name, values in _columns(interactions).columns.items()}
    return found | {"bought": profile(_bought(interactions))}


def score_profile(model: Model, users: IntArray) -> dict[str, Any]:
    """How the best scores of at most 5,000 of `users` are distributed."""
    return profile(_best_scores(model, users))


def distances(
    then: Mapping[str, Any], interactions: Interactions, *, model: Model | None, users: IntArray
) -> dict[str, float]:
    """The stability index of each column against its profile `then`; of scores where a `model` gives any now."""
    now: dict[str, Any] = {**_columns(interactions).columns, "bought": _bought(interactions)}
    if model is not None:
        now[SCORE] = _best_scores(model, users)
    return {name: round(stability_index(one, now[name]), 4) for name, one in then.items() if name in now}


def tell(subject: str, *, title: str, far: Sequence[str], where: str) -> None:
    """Keep one open alert about `subject` while any column lies `far` from what was learned from, none otherwise."""
    key = f"drift:{subject}"
    if not far:
        resolve(Q(key=key))
        return
    body = (
        f"{', '.join(far)}: the stability index against what was learned from is {LARGE} or more. "
        f"See {where}, and train anew."
    )
    raise_alert(key, severity=Alert.Severity.WARNING, title=title, body=body)


def far(found: Mapping[str, float], labels: Mapping[str, str]) -> list[str]:
    """The labels of what lies far."""
    return [labels.get(name, name) for name, index in found.items() if index >= LARGE]


def _columns(interactions: Interactions) -> Table:
    users, rows = np.unique(interactions.users, return_inverse=True)
    items, columns = np.unique(interactions.items, return_inverse=True)
    age_days = (interactions.as_of - interactions.times) / DAY_SECONDS
    recent = age_days <= 90
    latest = np.full(len(users), np.inf)
    np.minimum.at(latest, rows, age_days)
    pairs = np.unique(rows * max(len(items), 1) + columns) // max(len(items), 1)

    def counted(mask: Any) -> Any:
        return np.bincount(rows[mask], minlength=len(users)).astype(np.float64)

    return Table(
        {
            "purchases": counted(recent & interactions.is_purchase),
            "acts": counted(recent & ~interactions.is_purchase),
            "since": latest,
            "products": np.bincount(pairs, minlength=len(users)).astype(np.float64),
        }
    )


def _bought(interactions: Interactions) -> Any:
    lately = interactions.is_purchase & (interactions.as_of - interactions.times <= 28 * DAY_SECONDS)
    return interactions.items[lately][:MOST_PURCHASES].astype(np.str_)


def _best_scores(model: Model, users: IntArray) -> Any:
    chosen = users[:: max(len(users) // SCORED_CUSTOMERS, 1)][:SCORED_CUSTOMERS]
    best = model.recommend(chosen, 1).scores[:, 0].astype(np.float64)
    return np.where(np.isfinite(best), best, np.nan)
