"""What is predicted with yes or no: for whom, and what came in the days after a cut-off."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

import numpy as np
import numpy.typing as npt
from django.db import connection

from customers.models import EventType
from recommendations.predictions.features import Known
from recommendations.predictions.methods.histories import Values

RECENT_DAYS = 365


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A question about the `days` after a cut-off.

    `kind` is the score's name in conditions; `event` is what makes it happen, or with `is_absence` keep from happening.
    """

    kind: str
    label: str
    question: str
    days: int
    event: str
    is_absence: bool = False
    needs: str = "orders"

    def asked_of(self, known: Known) -> npt.NDArray[np.bool_]:
        """A mask of the customers of whom it is asked."""
        if self.needs == "recent_orders":
            since: npt.NDArray[np.bool_] = (
                known.table.columns["since_order"].astype(np.float64) <= RECENT_DAYS
            )
            return since
        if self.needs == "mails":
            return known.table.columns["mails_90"].astype(np.float64) > 0
        return np.ones(len(known.customers), dtype=np.bool_)


TARGETS = {
    one.kind: one
    for one in (
        Target(
            kind="churn",
            label="Churn",
            question="Will a customer who bought within a year not order in the next 90 days?",
            days=90,
            event="order",
            is_absence=True,
            needs="recent_orders",
        ),
        Target(
            kind="propensity_7",
            label="Purchase within 7 days",
            question="Will the customer order in the next 7 days?",
            days=7,
            event="order",
        ),
        Target(
            kind="propensity",
            label="Purchase within 30 days",
            question="Will the customer order in the next 30 days?",
            days=30,
            event="order",
        ),
        Target(
            kind="propensity_90",
            label="Purchase within 90 days",
            question="Will the customer order in the next 90 days?",
            days=90,
            event="order",
        ),
        Target(
            kind="email_response",
            label="Response to e-mail",
            question="Will a customer who was mailed within 90 days click in a mail in the next 30 days?",
            days=30,
            event="click",
            needs="mails",
        ),
    )
}

_ORDERED = """
SELECT DISTINCT o.customer_id FROM customers_order o
WHERE o.placed_at >= %(from)s AND o.placed_at < %(until)s ORDER BY 1
"""
_CLICKED = """
SELECT DISTINCT e.customer_id FROM customers_event e
WHERE e.type = %(clicked)s AND e.occurred_at >= %(from)s AND e.occurred_at < %(until)s ORDER BY 1
"""


def read_outcomes(target: Target, known: Known, *, as_of: datetime) -> Values:
    """What came of each of `known` in the target's days from `as_of` on: 1 or 0; one query."""
    parameters = {"from": as_of, "until": as_of + timedelta(days=target.days)}
    with connection.cursor() as cursor:
        if target.event == "order":
            cursor.execute(_ORDERED, parameters)
        else:
            cursor.execute(_CLICKED, {**parameters, "clicked": EventType.EMAIL_CLICKED.value})
        did = np.array([id for (id,) in cursor.fetchall()], dtype=np.int64)
    happened = np.isin(known.customers, did)
    return (happened != target.is_absence).astype(np.float64)
