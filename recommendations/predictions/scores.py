"""Scores on their way to conditions: stored with percentile and version, all of one kind in one statement."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from customers.models import Score
from customers.news import SCORE
from customers.profiles import touch
from customers.profiling import keep_only_allowed
from recommendations.predictions.methods.histories import Integers, Values

_FRESH = "CREATE TEMPORARY TABLE fresh_score (customer_id bigint, value float8) ON COMMIT DROP"
_STORE = """
WITH ranked AS (
  SELECT f.customer_id, f.value, 100 * cume_dist() OVER (ORDER BY f.value) AS percentile
  FROM fresh_score f JOIN customers_customer c ON c.id = f.customer_id
  WHERE c.allows_profiling AND NOT c.is_anonymous
), gone AS (
  DELETE FROM customers_score s WHERE s.kind = %(kind)s
    AND NOT EXISTS (SELECT FROM ranked r WHERE r.customer_id = s.customer_id)
  RETURNING s.customer_id
), stored AS (
  INSERT INTO customers_score (customer_id, kind, value, percentile, model_version, computed_at)
  SELECT customer_id, %(kind)s, value, percentile, %(version)s, %(now)s FROM ranked ORDER BY customer_id
  ON CONFLICT (customer_id, kind) DO UPDATE SET value = EXCLUDED.value, percentile = EXCLUDED.percentile,
    model_version = EXCLUDED.model_version, computed_at = EXCLUDED.computed_at
  RETURNING id, customer_id, xmax = 0 AS is_new
)
SELECT id, customer_id, is_new FROM stored UNION ALL SELECT NULL, customer_id, false FROM gone
"""


def store_scores(*, kind: str, customers: Integers, values: Values, version: str, now: datetime) -> int:
    """Replace all scores of a kind; ties share the higher percentile. Return how many were stored or removed.

    Who objected to profiling meanwhile gets none. Listeners hear of everybody whose score was stored or went.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_FRESH)
        with cursor.copy("COPY fresh_score FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int8", "float8"])
            for row in zip(customers.tolist(), values.tolist(), strict=True):
                copy.write_row(row)
        cursor.execute(_STORE, {"kind": kind, "version": version, "now": now})
        rows = cursor.fetchall()
        changed = [customer for _, customer, _ in rows]
        cursor.execute("DROP TABLE fresh_score")
        touch(changed, changed=SCORE)
        keep_only_allowed(Score, [id for id, _, is_new in rows if is_new])
    return len(changed)
