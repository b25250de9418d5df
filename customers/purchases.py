"""Orders, their lines and refunds. An order's total is always the sum of its lines.

An order that came without lines has one line with an empty name, worth what the source said the order was
worth; it goes when a named line arrives. It was placed at the earliest time that was told of it, and its one
ORDER_PLACED event is kept as the order stands.

A refund that did not say how much (`rest_key`) is always worth what the other refunds leave of its order; of several
such ones the earliest has it, the others are worth nothing.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

import msgspec
from django.db import connection

from customers import staging
from customers.models import EventType

_LINES = f"""
INSERT INTO customers_orderline
  (order_id, line, product_id, description, quantity, unit_price_minor, total_minor)
SELECT order_id, line, product_id, coalesce(description, ''), coalesce(quantity, 1),
  coalesce(unit_price_minor, round(value_minor::numeric / nullif(quantity, 0)), value_minor), value_minor
FROM ingest_fresh WHERE type = {EventType.ORDER_LINE.value} ORDER BY order_id, line
ON CONFLICT DO NOTHING
"""  # noqa: S608 - constants only
_WHOLE_LINES = f"""
INSERT INTO customers_orderline (order_id, line, description, quantity, unit_price_minor, total_minor)
SELECT order_id, '', coalesce(description, ''), 1, value_minor, value_minor
FROM ingest_stage s WHERE type = {EventType.ORDER_PLACED.value} AND value_minor IS NOT NULL
  AND NOT EXISTS (SELECT FROM customers_orderline l WHERE l.order_id = s.order_id)
ORDER BY order_id ON CONFLICT DO NOTHING
"""  # noqa: S608
_DROP_WHOLE_LINES = """
DELETE FROM customers_orderline l WHERE l.order_id = ANY(%s) AND l.line = ''
  AND EXISTS (SELECT FROM customers_orderline o WHERE o.order_id = l.order_id AND o.line <> '')
"""
# That an order was placed has no key of its own, so only the first word on it moves the time: the clock of a retry is
# another one.
_TOTALS = f"""
UPDATE customers_order o SET total_minor = t.total, placed_at = t.placed_at, is_placed_told = t.is_placed_told
FROM (
  SELECT o.id, coalesce((SELECT sum(l.total_minor) FROM customers_orderline l WHERE l.order_id = o.id), 0) AS total,
    least(o.placed_at, f.occurred_at, CASE WHEN NOT o.is_placed_told THEN p.occurred_at END) AS placed_at,
    o.is_placed_told OR p.order_id IS NOT NULL AS is_placed_told
  FROM customers_order o
  LEFT JOIN (SELECT order_id, min(occurred_at) AS occurred_at FROM ingest_fresh
    WHERE type = {EventType.ORDER_LINE.value} GROUP BY order_id) f ON f.order_id = o.id
  LEFT JOIN (SELECT order_id, min(occurred_at) AS occurred_at FROM ingest_stage
    WHERE type = {EventType.ORDER_PLACED.value} AND is_counted GROUP BY order_id) p ON p.order_id = o.id
  WHERE o.id = ANY(%s)
) t WHERE t.id = o.id
  AND (o.total_minor, o.placed_at, o.is_placed_told) IS DISTINCT FROM (t.total, t.placed_at, t.is_placed_told)
RETURNING o.id
"""  # noqa: S608
_CORRECT_PLACED = f"""
WITH corrected AS (
  UPDATE customers_event e SET value_minor = o.total_minor, occurred_at = o.placed_at,
    properties = coalesce(e.properties, s.properties::jsonb)
  FROM ingest_stage s JOIN customers_order o ON o.id = s.order_id
  WHERE s.type = {EventType.ORDER_PLACED.value} AND o.id = ANY(%s) AND e.message_id = s.message_id
    AND (e.value_minor, e.occurred_at, coalesce(e.properties, s.properties::jsonb))
      IS DISTINCT FROM (o.total_minor, o.placed_at, e.properties)
  RETURNING e.customer_id
)
SELECT DISTINCT customer_id FROM corrected
"""  # noqa: S608
_REFUNDS = f"""
UPDATE customers_refund r SET amount_minor = r.amount_minor + f.amount,
  refunded_at = least(r.refunded_at, f.refunded_at), rest_key = coalesce(r.rest_key, f.rest_key)
FROM (
  SELECT refund_id, coalesce(sum(value_minor), 0) AS amount, min(occurred_at) AS refunded_at,
    min(message_id::text) FILTER (WHERE value_minor IS NULL)::uuid AS rest_key
  FROM ingest_fresh WHERE type = {EventType.ORDER_REFUNDED.value} GROUP BY refund_id
) f WHERE r.id = f.refund_id
"""  # noqa: S608
_LINK = """
UPDATE customers_refund r SET order_id = o.id, currency = o.currency FROM customers_order o
WHERE o.id = ANY(%s) AND r.source = o.source AND r.order_name = o.external_id
  AND r.order_id IS NULL AND r.order_name <> '' AND (r.currency = o.currency OR r.rest_key IS NOT NULL)
"""
_REFUNDED = """
WITH concerned AS MATERIALIZED (
  SELECT ARRAY(SELECT unnest(%s::bigint[]) UNION SELECT order_id FROM customers_refund WHERE id = ANY(%s)) AS ids
),
rest AS (
  UPDATE customers_refund r SET amount_minor = t.amount FROM (
    SELECT w.id, CASE WHEN row_number() OVER (PARTITION BY w.order_id ORDER BY w.refunded_at, w.external_id) > 1
      THEN 0 ELSE greatest(0, o.total_minor - coalesce((SELECT sum(p.amount_minor) FROM customers_refund p
        WHERE p.order_id = w.order_id AND p.rest_key IS NULL), 0)) END AS amount
    FROM customers_refund w JOIN customers_order o ON o.id = w.order_id
    WHERE w.rest_key IS NOT NULL AND w.order_id = ANY((SELECT ids FROM concerned)::bigint[])
  ) t WHERE r.id = t.id RETURNING r.id, r.amount_minor, r.currency, r.rest_key
),
told AS (
  UPDATE customers_event e SET value_minor = rest.amount_minor, currency = rest.currency
  FROM rest WHERE e.message_id = rest.rest_key AND e.value_minor IS DISTINCT FROM rest.amount_minor
)
UPDATE customers_order o SET refunded_minor = t.total
FROM (SELECT r.order_id, sum(coalesce(rest.amount_minor, r.amount_minor)) AS total
  FROM customers_refund r LEFT JOIN rest ON rest.id = r.id
  WHERE r.order_id = ANY((SELECT ids FROM concerned)::bigint[])
  GROUP BY r.order_id) t
WHERE o.id = t.order_id AND o.refunded_minor <> t.total
"""


# Beside the owners, those whose refund gives back what is left of an order: it is worth something else when the order
# or another refund changes.
_OWNERS = """
SELECT customer_id FROM customers_order WHERE source = %(source)s AND external_id = ANY(%(orders)s)
UNION SELECT customer_id FROM customers_refund WHERE source = %(source)s AND external_id = ANY(%(refunds)s)
UNION SELECT r.customer_id FROM customers_refund r JOIN customers_order o ON o.id = r.order_id
  WHERE r.rest_key IS NOT NULL AND o.source = %(source)s AND o.external_id = ANY(%(orders)s)
UNION SELECT customer_id FROM customers_refund
  WHERE order_id IS NULL AND order_name <> '' AND source = %(source)s AND order_name = ANY(%(orders)s)
"""


class NewOrder(NamedTuple):
    """An order as a batch tells it."""

    external_id: str
    customer_id: int
    placed_at: datetime
    currency: str
    rank: int


class NewRefund(NamedTuple):
    """A refund as a batch tells it; `order_name` is empty where the source names no order."""

    external_id: str
    customer_id: int
    order_id: int | None
    refunded_at: datetime
    currency: str
    order_name: str


class Found(msgspec.Struct, frozen=True):
    """An order or refund that has a row: whose it is, who is believed about it, and whether this batch made it."""

    id: int
    customer_id: int
    currency: str
    told_by: str
    told_rank: int
    is_new: bool


def owners_of(orders: Sequence[str], refunds: Sequence[str], *, source: str) -> set[int]:
    """Return whose the orders and refunds are that are known already; whose money a change of them changes."""
    with connection.cursor() as cursor:
        cursor.execute(
            _OWNERS,
            {"source": source, "orders": list(orders), "refunds": list(refunds)},
        )
        return {id for (id,) in cursor.fetchall()}


def ensure_orders(orders: Iterable[NewOrder], *, source: str, told_by: str) -> set[str]:
    """Make the orders that are missing; return which those were. The earliest time is when one was placed."""
    first: dict[str, NewOrder] = {}
    for order in orders:
        known = first.setdefault(order.external_id, order)
        earlier = order if order.placed_at < known.placed_at else known
        first[order.external_id] = earlier._replace(rank=max(order.rank, known.rank))
    if not first:
        return set()
    columns = zip(*(first[key] for key in sorted(first)), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO customers_order (source, told_by, external_id, customer_id, placed_at, currency,"
            " told_rank, total_minor)"
            " SELECT %s, %s, o.*, 0"
            " FROM unnest(%s::text[], %s::bigint[], %s::timestamptz[], %s::text[], %s::int[]) AS o"
            " ON CONFLICT DO NOTHING RETURNING external_id",
            [source, told_by, *map(list, columns)],
        )
        return {key for (key,) in cursor.fetchall()}


def find_orders(external_ids: Sequence[str], *, source: str, made: set[str]) -> dict[str, Found]:
    """Return the orders that are there, by external id; `made` are those made just now."""
    return _found("customers_order", external_ids, source, made) if external_ids else {}


def ensure_refunds(refunds: Iterable[NewRefund], *, source: str, told_by: str, rank: int) -> dict[str, Found]:
    """Make the refunds that are missing, worth nothing yet; return all by external id.

    One that named no order gets the one that is named now.
    """
    first: dict[str, NewRefund] = {}
    for refund in refunds:
        known = first.setdefault(refund.external_id, refund)
        if refund.order_name and not known.order_name:
            first[refund.external_id] = refund
    if not first:
        return {}
    keys = sorted(first)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO customers_refund AS old (source, told_by, told_rank, external_id, customer_id, order_id,"
            " refunded_at, currency, order_name, amount_minor) SELECT %s, %s, %s, r.*, 0 FROM unnest("
            "%s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::text[], %s::text[]) AS r"
            " ON CONFLICT (source, external_id) DO UPDATE SET order_id = EXCLUDED.order_id,"
            " order_name = EXCLUDED.order_name WHERE old.order_name = '' AND EXCLUDED.order_name <> ''"
            " AND old.currency = EXCLUDED.currency"
            " RETURNING external_id, xmax = 0",
            [source, told_by, rank, *map(list, zip(*(first[key] for key in keys), strict=True))],
        )
        made = {key for key, is_new in cursor.fetchall() if is_new}
    return _found("customers_refund", keys, source, made)


def _found(table: str, external_ids: Sequence[str], source: str, made: set[str]) -> dict[str, Found]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT external_id, id, customer_id, currency, told_by, told_rank FROM {table}"  # noqa: S608 - constants only
            " WHERE source = %s AND external_id = ANY(%s)",
            [source, list(external_ids)],
        )
        return {
            key: Found(id, customer_id, currency, told_by, told_rank, key in made)
            for key, id, customer_id, currency, told_by, told_rank in cursor.fetchall()
        }


def store_lines(
    order_ids: Sequence[int], *, source: str, made: Sequence[int], patient: bool
) -> tuple[int, list[int]]:
    """Store the fresh lines, sum the orders, and store that they were placed.

    Where more was told of an order that was placed before, its event is corrected. Returns how many events were told
    anew, and whose were corrected: their facts are to be rebuilt, for the event may have moved to an earlier time.
    """
    ids = sorted(order_ids)
    if not ids:
        return 0, []
    with connection.cursor() as cursor:
        cursor.execute(_LINES)
        cursor.execute(_WHOLE_LINES)
        cursor.execute(_DROP_WHOLE_LINES, [ids])
        cursor.execute(_TOTALS, [ids])
        changed = [id for (id,) in cursor.fetchall()]
        inserted = staging.store_placed(source, made=made, patient=patient)
        if not set(changed) - set(made):
            return inserted, []
        cursor.execute(_CORRECT_PLACED, [changed])
        return inserted, [id for (id,) in cursor.fetchall()]


def add_refunds(refund_ids: Sequence[int], *, order_ids: Sequence[int], made: Sequence[int]) -> None:
    """Add the fresh refund events to their refunds, link those that waited for their order, sum the orders.

    `made` are the orders that this batch made.
    """
    with connection.cursor() as cursor:
        if refund_ids:
            cursor.execute(_REFUNDS)
        if made:
            cursor.execute(_LINK, [sorted(made)])
        cursor.execute(_REFUNDED, [sorted(order_ids), sorted(refund_ids)])
