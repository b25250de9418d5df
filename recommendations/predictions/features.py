"""What predictions are made from: one row a customer, as the shop knew them at a cut-off, made by one query.

Everything that has a time is read in [cut-off − two years, cut-off). Country, gender, device and year of birth are
those stored now: their past is not kept.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.db import connection, transaction

from customers.conversion import ORDER_TOTAL, REFUND_AMOUNT, into_reporting
from customers.models import EventType
from recommendations.predictions.methods.histories import Integers, Values
from recommendations.predictions.methods.tables import Table, Texts

HISTORY = timedelta(days=730)
CHUNK_ROWS = 20_000
WHOLE_TABLES = "SET LOCAL enable_nestloop = off"
"""Everything is read: one bad estimate (fresh tables) must not make the planner go through it row by row."""
TEXTS = ("country", "gender", "device")
LABELS = {
    "country": "Country",
    "gender": "Gender",
    "device": "Device",
    "age": "Age in years",
    "known_days": "Days since sign-up",
    "orders": "Orders",
    "orders_30": "Orders in 30 days",
    "orders_90": "Orders in 90 days",
    "orders_180": "Orders in 180 days",
    "order_days": "Days with an order",
    "since_order": "Days since the last order",
    "since_first_order": "Days since the first order",
    "since_order_before": "Days since the order before the last",
    "order_rate": "Orders per day as a customer",
    "gap": "Mean days between orders",
    "gap_deviation": "How much the days between orders vary",
    "due": "Days since the last order, in usual gaps",
    "spent": "Spent",
    "spent_90": "Spent in 90 days",
    "spent_180": "Spent in 180 days",
    "order_value": "Mean value of an order",
    "last_order_value": "Value of the last order",
    "lines": "Mean number of lines of an order",
    "products": "Different products bought",
    "novelty": "Share of lines with a product new to them",
    "refunds": "Refunds",
    "views_7": "Product views in 7 days",
    "views_30": "Product views in 30 days",
    "views_90": "Product views in 90 days",
    "since_view": "Days since the last product view",
    "carts_30": "Cart additions in 30 days",
    "since_cart": "Days since the last cart addition",
    "mails_90": "Mails sent in 90 days",
    "opens_90": "Opens in 90 days",
    "clicks_90": "Clicks in 90 days",
    "clicks": "Clicks in two years",
    "since_open": "Days since the last open",
    "since_click": "Days since the last click",
}

_QUERY = f"""
WITH people AS (
    SELECT id, country, gender, device, birth_date, signed_up_at FROM customers_customer
    WHERE allows_profiling AND NOT is_anonymous
), given_back AS (
    SELECT r.customer_id, r.order_id, sum({REFUND_AMOUNT}) AS amount, count(*) AS refunds FROM customers_refund r
    WHERE r.refunded_at >= %(since)s AND r.refunded_at < %(as_of)s
    GROUP BY r.customer_id, r.order_id
), line AS (
    SELECT l.order_id, count(*) AS lines FROM customers_orderline l
    JOIN customers_order o ON o.id = l.order_id
    WHERE o.placed_at >= %(since)s AND o.placed_at < %(as_of)s AND l.quantity > 0
    GROUP BY l.order_id
), product AS (
    SELECT o.customer_id, count(DISTINCT l.product_id) AS products, count(*) AS lines FROM customers_orderline l
    JOIN customers_order o ON o.id = l.order_id
    WHERE o.placed_at >= %(since)s AND o.placed_at < %(as_of)s AND l.quantity > 0 AND l.product_id IS NOT NULL
    GROUP BY o.customer_id
), worth AS (
    SELECT o.id, o.customer_id, o.placed_at,
           extract(epoch FROM %(as_of)s - o.placed_at)::float8 / 86400 AS ago,
           ({ORDER_TOTAL} - coalesce(g.amount, 0))::float8 AS net, coalesce(n.lines, 0) AS lines
    FROM customers_order o
    LEFT JOIN given_back g ON g.order_id = o.id LEFT JOIN line n ON n.order_id = o.id
    WHERE o.placed_at >= %(since)s AND o.placed_at < %(as_of)s
), spaced AS (
    SELECT *, CASE WHEN net < 0 THEN 0 ELSE net END AS value,
           lead(ago) OVER latest - ago AS gap, row_number() OVER latest AS place
    FROM worth WINDOW latest AS (PARTITION BY customer_id ORDER BY ago, id)
), bought AS (
    SELECT customer_id, count(*) AS orders,
           count(*) FILTER (WHERE ago <= 30) AS orders_30, count(*) FILTER (WHERE ago <= 90) AS orders_90,
           count(*) FILTER (WHERE ago <= 180) AS orders_180,
           count(DISTINCT date_trunc('day', placed_at, 'UTC')) AS order_days,
           min(ago) AS since_order, max(ago) AS since_first_order,
           min(ago) FILTER (WHERE place = 2) AS since_order_before,
           (max(ago) - min(ago))
               / nullif(count(DISTINCT date_trunc('day', placed_at, 'UTC')) - 1, 0) AS gap,
           stddev_samp(gap) AS gap_deviation,
           sum(value) AS spent, sum(value) FILTER (WHERE ago <= 90) AS spent_90,
           sum(value) FILTER (WHERE ago <= 180) AS spent_180, avg(value) AS order_value,
           min(value) FILTER (WHERE place = 1) AS last_order_value, avg(lines) AS lines
    FROM spaced GROUP BY customer_id
), did AS (
    SELECT customer_id,
           count(*) FILTER (WHERE type = %(viewed)s AND ago <= 7) AS views_7,
           count(*) FILTER (WHERE type = %(viewed)s AND ago <= 30) AS views_30,
           count(*) FILTER (WHERE type = %(viewed)s AND ago <= 90) AS views_90,
           min(ago) FILTER (WHERE type = %(viewed)s) AS since_view,
           count(*) FILTER (WHERE type = %(added)s AND ago <= 30) AS carts_30,
           min(ago) FILTER (WHERE type = %(added)s) AS since_cart,
           count(*) FILTER (WHERE type = %(sent)s AND ago <= 90) AS mails_90,
           count(*) FILTER (WHERE type = %(opened)s AND ago <= 90) AS opens_90,
           count(*) FILTER (WHERE type = %(clicked)s AND ago <= 90) AS clicks_90,
           count(*) FILTER (WHERE type = %(clicked)s) AS clicks,
           min(ago) FILTER (WHERE type = %(opened)s) AS since_open,
           min(ago) FILTER (WHERE type = %(clicked)s) AS since_click
    FROM (
        SELECT customer_id, type, extract(epoch FROM %(as_of)s - occurred_at)::float8 / 86400 AS ago
        FROM customers_event
        WHERE occurred_at >= %(since)s AND occurred_at < %(as_of)s
          AND type IN (%(viewed)s, %(added)s, %(sent)s, %(opened)s, %(clicked)s)
    ) e GROUP BY customer_id
), returned AS (
    SELECT customer_id, sum(refunds) AS refunds FROM given_back GROUP BY customer_id
)
SELECT p.id, p.country, p.gender, p.device,
       extract(year FROM age(%(as_of)s, p.birth_date)),
       CASE WHEN p.signed_up_at < %(as_of)s THEN extract(epoch FROM %(as_of)s - p.signed_up_at) / 86400 END,
       coalesce(b.orders, 0), coalesce(b.orders_30, 0), coalesce(b.orders_90, 0), coalesce(b.orders_180, 0),
       coalesce(b.order_days, 0), b.since_order, b.since_first_order, b.since_order_before,
       b.orders / greatest(b.since_first_order, 1), b.gap, b.gap_deviation, b.since_order / nullif(b.gap, 0),
       coalesce(b.spent, 0), coalesce(b.spent_90, 0), coalesce(b.spent_180, 0), b.order_value, b.last_order_value,
       b.lines, coalesce(s.products, 0), s.products::float8 / nullif(s.lines, 0), coalesce(r.refunds, 0),
       coalesce(d.views_7, 0), coalesce(d.views_30, 0), coalesce(d.views_90, 0), d.since_view,
       coalesce(d.carts_30, 0), d.since_cart, coalesce(d.mails_90, 0), coalesce(d.opens_90, 0),
       coalesce(d.clicks_90, 0), coalesce(d.clicks, 0), d.since_open, d.since_click
FROM people p
LEFT JOIN bought b ON b.customer_id = p.id LEFT JOIN product s ON s.customer_id = p.id
LEFT JOIN returned r ON r.customer_id = p.id LEFT JOIN did d ON d.customer_id = p.id
WHERE p.signed_up_at < %(as_of)s OR b.customer_id IS NOT NULL OR d.customer_id IS NOT NULL
ORDER BY p.id
"""  # noqa: S608 - constants only


@dataclass(frozen=True, slots=True)
class Known:
    """Who was known at a cut-off: ids (sorted), and their features row by row."""

    customers: Integers
    table: Table

    def only(self, wanted: Any) -> Known:
        """Those rows that a mask or indices choose."""
        return Known(self.customers[wanted], self.table.rows(wanted))

    def joined(self, other: Known) -> Known:
        """These rows, then those of another cut-off."""
        return Known(np.concatenate([self.customers, other.customers]), self.table.joined(other.table))


def read_features(*, as_of: datetime) -> Known:
    """Features of every customer who allows profiling and was known before `as_of`; one query, streamed."""
    parts = [*features_in_parts(as_of=as_of)]
    if not parts:
        return _known([])
    columns: dict[str, Values | Texts] = {}
    for name in LABELS:
        columns[name] = np.concatenate([one.table.columns[name] for one in parts])
    return Known(np.concatenate([one.customers for one in parts]), Table(columns))


def features_in_parts(*, as_of: datetime) -> Iterator[Known]:
    """The same, 20,000 customers at a time, so that memory does not grow with their number."""
    parameters = {
        "as_of": as_of,
        "since": as_of - HISTORY,
        "viewed": EventType.PRODUCT_VIEWED.value,
        "added": EventType.PRODUCT_ADDED.value,
        "sent": EventType.EMAIL_SENT.value,
        "opened": EventType.EMAIL_OPENED.value,
        "clicked": EventType.EMAIL_CLICKED.value,
        **into_reporting(),
    }
    with transaction.atomic(), connection.cursor() as setting, connection.chunked_cursor() as cursor:
        setting.execute(WHOLE_TABLES)
        cursor.execute(_QUERY, parameters)
        while rows := cursor.fetchmany(CHUNK_ROWS):
            yield _known(rows)


def _known(rows: Sequence[Sequence[Any]]) -> Known:
    names = [name for name in LABELS if name not in TEXTS]
    texts = np.array([row[1:4] for row in rows], dtype=np.str_).reshape(len(rows), len(TEXTS))
    numbers = np.array([row[4:] for row in rows], dtype=np.float64).reshape(len(rows), len(names))
    columns = {name: texts[:, at] for at, name in enumerate(TEXTS)}
    return Known(
        np.array([row[0] for row in rows], dtype=np.int64),
        Table({**columns, **{name: numbers[:, at] for at, name in enumerate(names)}}),
    )
