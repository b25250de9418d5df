"""The engagement score: how lately and how much a customer looks, clicks and buys.

    score = 100 × (0.4 × R + 0.3 × E + 0.3 × P)

    R = 2^(−days since last seen ÷ 30)                   recency, halved every 30 days
    E = 1 − 1 ÷ (1 + (opens + 3 × clicks) ÷ max(sent, 5))    answers per message; few messages count little
    P = 1 − 1 ÷ (1 + (views + 2 × carts + 5 × orders) ÷ 20)  what they did on their own

All from CustomerFacts, so all-time counts; R makes old activity fade. 0 is nobody ever seen, 100 is out of reach.
The percentile is `100 × (customers with this score or less) ÷ customers`, so ties share the higher one.
"""

from datetime import datetime

from django.db import connection, transaction

from customers.models import Score
from customers.news import SCORE
from customers.profiles import touch
from customers.profiling import keep_only_allowed

KIND = "engagement"
VERSION = "engagement-1"

_REFRESH = """
WITH scored AS (
  SELECT f.customer_id, 100 * (
    0.4 * CASE WHEN f.last_seen_at IS NULL THEN 0
      ELSE power(2, -greatest(extract(epoch FROM %(now)s - f.last_seen_at)::float8 / 86400, 0) / 30) END
    + 0.3 * (1 - 1 / (1 + (f.opens_count + 3 * f.clicks_count)::float8 / greatest(f.emails_sent_count, 5)))
    + 0.3 * (1 - 1 / (1 + (f.views_count + 2 * f.carts_count + 5 * f.orders_count)::float8 / 20))
  ) AS value
  FROM customers_customerfacts f JOIN customers_customer c ON c.id = f.customer_id
  WHERE NOT c.is_anonymous AND c.allows_profiling
), ranked AS (
  SELECT customer_id, value, 100 * cume_dist() OVER (ORDER BY value) AS percentile FROM scored
), gone AS (
  DELETE FROM customers_score s WHERE s.kind = %(kind)s
    AND NOT EXISTS (SELECT FROM ranked r WHERE r.customer_id = s.customer_id)
  RETURNING s.customer_id
), stored AS (
  INSERT INTO customers_score (customer_id, kind, value, percentile, model_version, computed_at)
  SELECT customer_id, %(kind)s, value, percentile, %(version)s, %(now)s FROM ranked ORDER BY customer_id
  ON CONFLICT (customer_id, kind) DO UPDATE SET value = EXCLUDED.value, percentile = EXCLUDED.percentile,
    model_version = EXCLUDED.model_version, computed_at = EXCLUDED.computed_at
  WHERE (customers_score.value, customers_score.percentile) IS DISTINCT FROM (EXCLUDED.value, EXCLUDED.percentile)
  RETURNING id, customer_id, xmax = 0 AS is_new
)
SELECT id, customer_id, is_new FROM stored UNION ALL SELECT NULL, customer_id, false FROM gone
"""


def refresh_engagement(now: datetime) -> int:
    """Score every known customer who allows profiling, as of `now`; return how many scores changed or went.

    One statement; customers who no longer take part lose their score. Listeners hear of both.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_REFRESH, {"now": now, "kind": KIND, "version": VERSION})
        rows = cursor.fetchall()
        changed = [customer for _, customer, _ in rows]
        touch(changed, changed=SCORE)
        keep_only_allowed(Score, [id for id, _, is_new in rows if is_new])
    return len(changed)
