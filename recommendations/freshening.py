"""What somebody did just now changes what they are shown: their stored row is blended with what goes with it.

The model's ranking is made at night. In between, for those alone who did something, the products that go with their
latest ones are ranked and fused with it, all in one statement.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction

from common import clock
from customers.models import EventType
from recommendations import registry
from recommendations.training import KEPT_PRODUCTS

RECENT = timedelta(minutes=10)
"""Who did something within this time is looked at; what arrives later than that counts from the night on."""
LATEST, LOOKED_BACK = 10, timedelta(days=30)
FADING = 0.75
DAMPING = 10

# Whose row does not know their latest act yet. `acted_at` is that act's time, not the time of the computation: an event
# that arrives a little late is seen too.
_BEHIND = """
SELECT DISTINCT e.customer_id
FROM customers_event e
JOIN customers_customer c ON c.id = e.customer_id AND c.allows_profiling AND NOT c.is_anonymous
JOIN customers_customerfacts f ON f.customer_id = e.customer_id
LEFT JOIN recommendations_recommendation r ON r.customer_id = e.customer_id
WHERE e.type = ANY(%(types)s) AND e.product_id IS NOT NULL
  AND e.occurred_at > %(since)s AND e.occurred_at <= %(now)s
  AND greatest(f.last_view_at, f.last_cart_at, f.last_purchase_at) IS DISTINCT FROM r.acted_at
ORDER BY e.customer_id LIMIT %(most)s
"""

# The latest products weigh 0.75^age times the likeness of what goes with them (the sequential nearest neighbours of
# Ludewig and Jannach 2018, "Evaluation of session-based recommendation algorithms"); the two lists are fused by
# reciprocal rank, as engines are (recommendations.engines.blend).
_FRESHEN = """
WITH acts AS (
    SELECT e.customer_id, e.product_id, max(e.occurred_at) AS at
    FROM customers_event e
    WHERE e.customer_id = ANY(%(ids)s) AND e.type = ANY(%(types)s) AND e.product_id IS NOT NULL
      AND e.occurred_at > %(looked_back)s AND e.occurred_at <= %(now)s
    GROUP BY e.customer_id, e.product_id
), latest AS (
    SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY at DESC, product_id) - 1 AS age FROM acts
), near AS (
    SELECT l.customer_id, n.product_id, sum(power(%(fading)s, l.age) * n.score) AS score
    FROM latest l
    JOIN recommendations_relatedproducts p ON p.product_id = l.product_id
    CROSS JOIN unnest(p.product_ids, p.scores) AS n (product_id, score)
    WHERE l.age < %(latest)s
    GROUP BY l.customer_id, n.product_id
), lists AS (
    SELECT customer_id, product_id, row_number() OVER (PARTITION BY customer_id ORDER BY score DESC, product_id) AS rank
    FROM near
    UNION ALL
    SELECT r.customer_id, n.product_id, n.rank
    FROM recommendations_recommendation r
    CROSS JOIN unnest(r.product_ids) WITH ORDINALITY AS n (product_id, rank)
    WHERE r.customer_id = ANY(%(ids)s)
), fused AS (
    SELECT customer_id, product_id, sum(1.0 / (%(damping)s + rank))::float8 AS score
    FROM lists WHERE rank <= %(kept)s GROUP BY customer_id, product_id
), best AS (
    SELECT *, row_number() OVER (PARTITION BY customer_id ORDER BY score DESC, product_id) AS rank FROM fused
), rows AS (
    SELECT customer_id, array_agg(product_id ORDER BY rank) AS product_ids
    FROM best WHERE rank <= %(kept)s GROUP BY customer_id
)
INSERT INTO recommendations_recommendation AS r
    (customer_id, model_version_id, product_ids, scores, computed_at, fresh_ids, freshened_at, acted_at)
SELECT c.id, %(version)s, '{}', '{}', %(now)s, coalesce(rows.product_ids, '{}'), %(now)s,
       greatest(f.last_view_at, f.last_cart_at, f.last_purchase_at)
FROM customers_customer c
JOIN customers_customerfacts f ON f.customer_id = c.id
LEFT JOIN rows ON rows.customer_id = c.id
WHERE c.id = ANY(%(ids)s) AND c.allows_profiling
ORDER BY c.id
ON CONFLICT (customer_id) DO UPDATE SET
    fresh_ids = excluded.fresh_ids, freshened_at = excluded.freshened_at, acted_at = excluded.acted_at
"""


def freshen_acting(*, limit: int = 1000, now: datetime | None = None) -> int:
    """Fuse the model's ranking with what goes with their latest products, for up to `limit` customers who did something
    that their row does not know yet; return how many they were.

    Nothing is done without a model in use (strategies that go by related products read those themselves), nor while a
    training puts its rows in place or another worker freshens: beat comes again.
    """
    moment = now or clock.now()
    with transaction.atomic(), connection.cursor() as cursor:
        version = registry.held_champion()
        if version is None:
            return 0
        cursor.execute(_BEHIND, _values(moment) | {"since": moment - RECENT, "most": limit})
        behind = [id for (id,) in cursor.fetchall()]
        if behind:
            cursor.execute(_FRESHEN, _values(moment) | {"ids": behind, "version": version.pk})
    return len(behind)


def _values(now: datetime) -> dict[str, datetime | int | float | list[int]]:
    types = (EventType.PRODUCT_VIEWED, EventType.PRODUCT_ADDED, EventType.ORDER_LINE)
    return {
        "types": [kind.value for kind in types],
        "now": now,
        "looked_back": now - LOOKED_BACK,
        "latest": LATEST,
        "fading": FADING,
        "damping": DAMPING,
        "kept": KEPT_PRODUCTS,
    }
