"""The shop's purchases as lifetime value reads them: in the reporting currency, net of what was given back."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from django.db import connection, transaction

from customers.conversion import ORDER_TOTAL, REFUND_AMOUNT, into_reporting
from recommendations.predictions.methods.histories import Ledger, Purchases

CHUNK_ROWS = 50_000
DAY_SECONDS = 86_400

_DAY = f"floor(extract(epoch FROM {{}}) / {DAY_SECONDS})::bigint"
_ORDERED, _REFUNDED = _DAY.format("o.placed_at"), _DAY.format("r.refunded_at")
_QUERY = f"""
WITH o AS MATERIALIZED (
    SELECT o.id, o.customer_id, o.placed_at, {ORDER_TOTAL} AS worth
    FROM customers_order o JOIN customers_customer c ON c.id = o.customer_id
    WHERE o.placed_at < %(until)s AND c.allows_profiling AND NOT c.is_anonymous
)
SELECT o.customer_id, {_ORDERED}, {_ORDERED}, o.worth FROM o WHERE o.worth IS NOT NULL
UNION ALL
SELECT o.customer_id, {_ORDERED}, {_REFUNDED}, -{REFUND_AMOUNT} FROM customers_refund r JOIN o ON o.id = r.order_id
WHERE o.worth IS NOT NULL AND r.refunded_at < %(until)s
"""  # noqa: S608 - constants only


def day_of(moment: datetime) -> int:
    """The day (UTC) in which a moment lies, counted from 1970."""
    return int(moment.timestamp() // DAY_SECONDS)


def read_purchases(*, until: datetime) -> Purchases:
    """What customers who allow profiling spent before `until`, in minor units; one query, streamed.

    Orders without an exchange rate are left out, and so are those that had been wholly given back by then. The ledger
    behind them tells when money was given back.
    """
    parts = []
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(_QUERY, {"until": until, **into_reporting()})
        while rows := cursor.fetchmany(CHUNK_ROWS):
            parts.append(np.array(rows, dtype=np.float64))
    found = np.concatenate(parts) if parts else np.zeros((0, 4))
    found = found[~np.isnan(found[:, 3])]
    customers, days, booked = found[:, :3].astype(np.int64).T
    return Ledger(customers, days, booked, found[:, 3]).purchases()
