"""What customers bought, put into carts and looked at, as arrays for the engines."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection, transaction

from customers.models import EventType
from recommendations.engines.base import Interactions

PURCHASE_WEIGHT, CART_WEIGHT, VIEW_WEIGHT = 1.0, 0.4, 0.1
HISTORY_DAYS = 730
COPY_HEADER_BYTES = 19
COPY_TRAILER_BYTES = 2

# Whether an order `o` was kept, as it looked at `until`: what was given back later was not known then.
KEPT = """
    (o.total_minor = 0 OR o.refunded_minor < o.total_minor OR o.total_minor > (
        SELECT coalesce(sum(r.amount_minor), 0) FROM customers_refund r
        WHERE r.order_id = o.id AND r.refunded_at < %(until)s))
"""

# A crate bought in ten lines on one day is one wish, so each product counts once a customer, day and kind.
QUERY = f"""
COPY (
    WITH may_learn AS (
        SELECT id FROM customers_customer WHERE allows_profiling AND NOT is_anonymous
    )
    SELECT o.customer_id, l.product_id, floor(extract(epoch FROM max(o.placed_at)))::bigint AS at,
           %(purchase)s::float8 AS weight, 1::bigint AS is_purchase
    FROM customers_orderline l
    JOIN customers_order o ON o.id = l.order_id
    JOIN may_learn c ON c.id = o.customer_id
    WHERE o.placed_at >= %(since)s AND o.placed_at < %(until)s
      AND l.product_id IS NOT NULL AND l.quantity > 0
      AND {KEPT}
    GROUP BY o.customer_id, l.product_id, date_trunc('day', o.placed_at, 'UTC')
    UNION ALL
    SELECT e.customer_id, e.product_id, floor(extract(epoch FROM max(e.occurred_at)))::bigint,
           CASE e.type WHEN %(added)s THEN %(cart)s::float8 ELSE %(view)s::float8 END, 0::bigint
    FROM customers_event e
    JOIN may_learn c ON c.id = e.customer_id
    WHERE e.type IN (%(added)s, %(viewed)s) AND e.product_id IS NOT NULL
      AND e.occurred_at >= %(since)s AND e.occurred_at < %(until)s
    GROUP BY e.customer_id, e.product_id, e.type, date_trunc('day', e.occurred_at, 'UTC')
    ORDER BY 1, 2, 3, 5
) TO STDOUT (FORMAT BINARY)
"""  # noqa: S608

# A row of a binary COPY: the number of columns, then each column's length in bytes and its value, big-endian.
ROW = np.dtype(
    [
        ("columns", ">i2"),
        ("customer_bytes", ">i4"),
        ("customer", ">i8"),
        ("product_bytes", ">i4"),
        ("product", ">i8"),
        ("at_bytes", ">i4"),
        ("at", ">i8"),
        ("weight_bytes", ">i4"),
        ("weight", ">f8"),
        ("is_purchase_bytes", ">i4"),
        ("is_purchase", ">i8"),
    ]
)


def read_interactions(*, now: datetime, history_days: int = HISTORY_DAYS) -> Interactions:
    """Read what happened in [now − history_days, now), from customers who allow profiling; one query.

    Orders that had been refunded in full before `now` are left out, those refunded later are not: a reading as of
    a moment in the past is what a training then would have read.
    Ids are those of customers and products. The rows come as one binary COPY and are parsed in place (62 bytes
    a row), not row by row.
    """
    parameters = {
        "since": now - timedelta(days=history_days),
        "until": now,
        "purchase": PURCHASE_WEIGHT,
        "cart": CART_WEIGHT,
        "view": VIEW_WEIGHT,
        "added": EventType.PRODUCT_ADDED.value,
        "viewed": EventType.PRODUCT_VIEWED.value,
    }
    rows = np.frombuffer(_copied(QUERY, parameters), dtype=ROW)
    return Interactions(
        users=rows["customer"].astype(np.int64),
        items=rows["product"].astype(np.int64),
        weights=rows["weight"].astype(np.float32),
        times=rows["at"].astype(np.int64),
        as_of=int(now.timestamp()),
        is_purchase=rows["is_purchase"] == 1,
    )


def _copied(query: str, parameters: dict[str, Any]) -> memoryview:
    content = bytearray()
    with transaction.atomic(), connection.cursor() as cursor, cursor.copy(query, parameters) as copy:
        for block in copy:
            content += block
    return memoryview(content)[COPY_HEADER_BYTES:-COPY_TRAILER_BYTES]
