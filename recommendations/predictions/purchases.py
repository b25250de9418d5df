"""The shop's purchases as lifetime value reads them: in the reporting currency, net of what was given back."""

from __future__ import annotations

from datetime import datetime

import numpy as np
from django.db import connection, transaction

from customers.conversion import ORDER_TOTAL, REFUND_AMOUNT, into_reporting
from recommendations.predictions.methods.histories import Purchases

CHUNK_ROWS = 50_000
DAY_SECONDS = 86_400

_QUERY = f"""
SELECT o.customer_id, floor(extract(epoch FROM o.placed_at) / {DAY_SECONDS})::bigint,
       ({ORDER_TOTAL} - coalesce((
           SELECT sum({REFUND_AMOUNT}) FROM customers_refund r WHERE r.order_id = o.id AND r.refunded_at < %(until)s
       ), 0))::float8
FROM customers_order o JOIN customers_customer c ON c.id = o.customer_id
WHERE o.placed_at < %(until)s AND c.allows_profiling AND NOT c.is_anonymous
ORDER BY 1, 2
"""  # noqa: S608 - constants only


def day_of(moment: datetime) -> int:
    """The day (UTC) in which a moment lies, counted from 1970."""
    return int(moment.timestamp() // DAY_SECONDS)


def read_purchases(*, until: datetime) -> Purchases:
    """What customers who allow profiling spent before `until`, in minor units; one query, streamed.

    Orders without an exchange rate are left out, and so are those that had been wholly given back by then.
    """
    parts = []
    with transaction.atomic(), connection.chunked_cursor() as cursor:
        cursor.execute(_QUERY, {"until": until, **into_reporting()})
        while rows := cursor.fetchmany(CHUNK_ROWS):
            parts.append(np.array(rows, dtype=np.float64))
    found = np.concatenate(parts) if parts else np.zeros((0, 3))
    found = found[~np.isnan(found[:, 2])]
    return Purchases.of(found[:, 0].astype(np.int64), found[:, 1].astype(np.int64), found[:, 2])
