"""Orders, their lines and refunds. An order's total is always the sum of its lines.

An order that came without lines has one line with an empty name, worth what the source said the order was
worth; it goes when a named line arrives.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

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
_TOTALS = f"""
UPDATE customers_order o SET total_minor = t.total, placed_at = t.placed_at
FROM (
  SELECT o.id, coalesce((SELECT sum(l.total_minor) FROM customers_orderline l WHERE l.order_id = o.id), 0) AS total,
    least(o.placed_at, f.occurred_at) AS placed_at
  FROM customers_order o
  LEFT JOIN (SELECT order_id, min(occurred_at) AS occurred_at FROM ingest_fresh
    WHERE type = {EventType.ORDER_LINE.value} GROUP BY order_id) f ON f.order_id = o.id
  WHERE o.id = ANY(%s)
) t WHERE t.id = o.id AND (o.total_minor, o.placed_at) IS DISTINCT FROM (t.total, t.placed_at)
RETURNING o.id
"""  # noqa: S608
_CORRECT_PLACED = f"""
UPDATE customers_event e SET value_minor = o.total_minor
FROM ingest_stage s JOIN customers_order o ON o.id = s.order_id
WHERE s.type = {EventType.ORDER_PLACED.value} AND o.id = ANY(%s) AND e.message_id = s.message_id
  AND e.value_minor IS DISTINCT FROM o.total_minor
"""  # noqa: S608
_REFUNDS = f"""
WITH f AS (
  SELECT refund_id, sum(value_minor) AS amount, min(occurred_at) AS refunded_at FROM ingest_fresh
  WHERE type = {EventType.ORDER_REFUNDED.value} GROUP BY refund_id
), r AS (
  UPDATE customers_refund r SET amount_minor = r.amount_minor + f.amount,
    refunded_at = least(r.refunded_at, f.refunded_at)
  FROM f WHERE r.id = f.refund_id RETURNING r.order_id, f.amount
)
UPDATE customers_order o SET refunded_minor = o.refunded_minor + a.amount
FROM (SELECT order_id, sum(amount) AS amount FROM r WHERE order_id IS NOT NULL GROUP BY order_id) a
WHERE o.id = a.order_id
"""  # noqa: S608


class FoundOrder(msgspec.Struct, frozen=True):
    """An order that has a row."""

    id: int
    currency: str
    is_new: bool


def order_owners(external_ids: Sequence[str], *, source: str) -> set[int]:
    """Return whose the orders are that are known already."""
    if not external_ids:
        return set()
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT DISTINCT customer_id FROM customers_order WHERE source = %s AND external_id = ANY(%s)",
            [source, list(external_ids)],
        )
        return {id for (id,) in cursor.fetchall()}


def ensure_orders(orders: Iterable[tuple[str, int, datetime, str]], *, source: str) -> set[str]:
    """Make the orders that are missing; return which those were.

    Takes (external id, customer id, time, currency) of each line; the earliest time is when it was placed.
    """
    first: dict[str, tuple[str, int, datetime, str]] = {}
    for order in orders:
        if order[0] not in first or order[2] < first[order[0]][2]:
            first[order[0]] = order
    if not first:
        return set()
    columns = zip(*(first[key] for key in sorted(first)), strict=True)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO customers_order (source, external_id, customer_id, placed_at, currency, total_minor)"
            " SELECT %s, o.*, 0 FROM unnest(%s::text[], %s::bigint[], %s::timestamptz[], %s::text[]) AS o"
            " ON CONFLICT DO NOTHING RETURNING external_id",
            [source, *map(list, columns)],
        )
        return {key for (key,) in cursor.fetchall()}


def find_orders(external_ids: Sequence[str], *, source: str, made: set[str]) -> dict[str, FoundOrder]:
    """Return the orders that are there, by external id; `made` are those made just now."""
    if not external_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT external_id, id, currency FROM customers_order WHERE source = %s AND external_id = ANY(%s)",
            [source, list(external_ids)],
        )
        return {key: FoundOrder(id, currency, key in made) for key, id, currency in cursor.fetchall()}


def ensure_refunds(
    refunds: Iterable[tuple[str, int, int | None, datetime, str]], *, source: str
) -> dict[str, int]:
    """Make the refunds that are missing, worth nothing yet; return the ids of all by external id.

    Takes (external id, customer id, order id, time, currency).
    """
    first: dict[str, tuple[str, int, int | None, datetime, str]] = {}
    for refund in refunds:
        first.setdefault(refund[0], refund)
    if not first:
        return {}
    keys = sorted(first)
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO customers_refund (source, external_id, customer_id, order_id, refunded_at, currency,"
            " amount_minor) SELECT %s, r.*, 0"
            " FROM unnest(%s::text[], %s::bigint[], %s::bigint[], %s::timestamptz[], %s::text[]) AS r"
            " ON CONFLICT DO NOTHING",
            [source, *map(list, zip(*(first[key] for key in keys), strict=True))],
        )
        cursor.execute(
            "SELECT external_id, id FROM customers_refund WHERE source = %s AND external_id = ANY(%s)",
            [source, keys],
        )
        return dict(cursor.fetchall())


def store_lines(order_ids: Sequence[int], *, source: str, made: Sequence[int], patient: bool) -> int:
    """Store the fresh lines, sum the orders, and store that they were placed; return how many events that told.

    Where an order that was placed before got more lines, its event is corrected to the new total.
    """
    ids = sorted(order_ids)
    if not ids:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(_LINES)
        cursor.execute(_WHOLE_LINES)
        cursor.execute(_DROP_WHOLE_LINES, [ids])
        cursor.execute(_TOTALS, [ids])
        changed = [id for (id,) in cursor.fetchall()]
        inserted = staging.store_placed(source, made=made, patient=patient)
        if changed and len(made) < len(ids):
            cursor.execute(_CORRECT_PLACED, [changed])
    return inserted


def add_refunds() -> None:
    """Add the fresh refund events to their refunds and orders."""
    with connection.cursor() as cursor:
        cursor.execute(_REFUNDS)
