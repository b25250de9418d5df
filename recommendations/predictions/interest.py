"""What each customer is interested in: a score per customer and category.

    score = Σ weight × 2^(−days ago ÷ 60) over what they did in the category, ÷ the same over all categories

Weights: a product bought 1, put into the cart 0.4, viewed 0.1; each product counts once a day and kind. A category
counts what lies below it too. So 1 is somebody who looks at nothing else, and the percentile compares the customers
who have been there at all. The score's kind is `interest:<path>`, as in `{"score": "interest:outdoor/tents", …}`;
paths that are too long for it, and all but the 100 most visited categories, have none.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction

from customers.models import EventType, Score
from customers.news import SCORE
from customers.profiles import touch
from customers.profiling import keep_only_allowed
from recommendations.predictions.features import WHOLE_TABLES

VERSION = "interest-1"
PREFIX = "interest:"
HISTORY = timedelta(days=365)
MOST_CATEGORIES = 100
LONGEST_KIND = 50

_REFRESH = """
WITH did AS (
  SELECT o.customer_id, l.product_id, max(o.placed_at) AS at, 1.0::float8 AS weight
  FROM customers_orderline l JOIN customers_order o ON o.id = l.order_id
  WHERE o.placed_at >= %(since)s AND o.placed_at < %(now)s AND l.quantity > 0
  GROUP BY o.customer_id, l.product_id, date_trunc('day', o.placed_at, 'UTC')
  UNION ALL
  SELECT e.customer_id, e.product_id, max(e.occurred_at), CASE e.type WHEN %(added)s THEN 0.4 ELSE 0.1 END
  FROM customers_event e
  WHERE e.type IN (%(added)s, %(viewed)s) AND e.occurred_at >= %(since)s AND e.occurred_at < %(now)s
  GROUP BY e.customer_id, e.product_id, e.type, date_trunc('day', e.occurred_at, 'UTC')
), faded AS (
  SELECT d.customer_id, g.path,
    sum(d.weight * power(2, -extract(epoch FROM %(now)s - d.at)::float8 / 86400 / 60)) AS weight
  FROM did d
  JOIN customers_customer c ON c.id = d.customer_id AND c.allows_profiling AND NOT c.is_anonymous
  JOIN products_product p ON p.id = d.product_id JOIN products_category g ON g.id = p.category_id
  GROUP BY d.customer_id, g.path
), steps AS (
  SELECT path, string_to_array(path, '/') AS names,
    generate_series(1, cardinality(string_to_array(path, '/'))) AS depth
  FROM products_category
), above AS MATERIALIZED (
  SELECT s.path, up.path AS ancestor
  FROM steps s JOIN products_category up ON up.path = array_to_string(s.names[1:s.depth], '/')
  WHERE length(up.path) <= %(longest)s
), within AS (
  SELECT f.customer_id, a.ancestor AS path, sum(f.weight) AS weight
  FROM faded f JOIN above a ON a.path = f.path
  GROUP BY f.customer_id, a.ancestor
), visited AS (
  SELECT path FROM within GROUP BY path ORDER BY sum(weight) DESC, path LIMIT %(most)s
), whole AS (
  SELECT customer_id, sum(weight) AS weight FROM faded GROUP BY customer_id
), ranked AS (
  SELECT w.customer_id, %(prefix)s || w.path AS kind, w.weight / a.weight AS value,
    100 * cume_dist() OVER (PARTITION BY w.path ORDER BY w.weight / a.weight) AS percentile
  FROM within w JOIN whole a USING (customer_id) JOIN visited v USING (path) WHERE a.weight > 0
), gone AS (
  DELETE FROM customers_score s WHERE s.kind LIKE %(prefix)s || '%%'
    AND NOT EXISTS (SELECT FROM ranked r WHERE r.customer_id = s.customer_id AND r.kind = s.kind)
  RETURNING s.customer_id
), stored AS (
  INSERT INTO customers_score (customer_id, kind, value, percentile, model_version, computed_at)
  SELECT customer_id, kind, value, percentile, %(version)s, %(now)s FROM ranked ORDER BY customer_id, kind
  ON CONFLICT (customer_id, kind) DO UPDATE SET value = EXCLUDED.value, percentile = EXCLUDED.percentile,
    model_version = EXCLUDED.model_version, computed_at = EXCLUDED.computed_at
  RETURNING id, customer_id, xmax = 0 AS is_new
)
SELECT id, customer_id, is_new FROM stored UNION ALL SELECT NULL, customer_id, false FROM gone
"""


def refresh_interest(now: datetime) -> int:
    """Score every known customer who allows profiling in each category they were in; return how many people."""
    parameters: dict[str, Any] = {
        "now": now,
        "since": now - HISTORY,
        "added": EventType.PRODUCT_ADDED.value,
        "viewed": EventType.PRODUCT_VIEWED.value,
        "prefix": PREFIX,
        "longest": LONGEST_KIND - len(PREFIX),
        "most": MOST_CATEGORIES,
        "version": VERSION,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(WHOLE_TABLES)
        cursor.execute(_REFRESH, parameters)
        rows = cursor.fetchall()
        changed = {customer for _, customer, _ in rows}
        touch(changed, changed=SCORE)
        keep_only_allowed(Score, [id for id, _, is_new in rows if is_new])
    return len(changed)
