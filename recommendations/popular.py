"""Bestsellers of each country and of all: computed in one statement, kept as the fallback that always exists."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction

from common import clock
from recommendations.interactions import KEPT

HALF_LIFE_DAYS = 14.0
HISTORY_DAYS = 365
KEPT_PRODUCTS = 200

# Counting what was sold makes no profile of anybody, so everybody's purchases count. One customer counts once
# a product and day. The row with country '' is the sum over all countries.
REFRESH = f"""
WITH sold AS (
    SELECT DISTINCT c.country, o.customer_id, l.product_id, date_trunc('day', o.placed_at, 'UTC') AS day
    FROM customers_orderline l
    JOIN customers_order o ON o.id = l.order_id
    JOIN customers_customer c ON c.id = o.customer_id
    JOIN products_product p ON p.id = l.product_id AND p.is_available
    WHERE o.placed_at >= %(since)s AND o.placed_at < %(until)s AND l.quantity > 0
      AND {KEPT}
), scored AS (
    SELECT CASE WHEN grouping(country) = 1 THEN '' ELSE country END AS place, product_id,
           sum(power(0.5::float8, extract(epoch FROM %(until)s - day)::float8 / 86400 / %(half_life)s)) AS score
    FROM sold
    GROUP BY GROUPING SETS ((country, product_id), (product_id))
    HAVING grouping(country) = 1 OR country <> ''
), ranked AS (
    SELECT *, row_number() OVER (PARTITION BY place ORDER BY score DESC, product_id) AS rank FROM scored
)
INSERT INTO recommendations_popularproducts (country, product_ids, scores, computed_at)
SELECT place, array_agg(product_id ORDER BY rank), array_agg(score ORDER BY rank), %(computed_at)s
FROM ranked WHERE rank <= %(kept)s
GROUP BY place ORDER BY place
ON CONFLICT (country) DO UPDATE SET
    product_ids = excluded.product_ids, scores = excluded.scores, computed_at = excluded.computed_at
"""  # noqa: S608


def refresh_popular_products(*, now: datetime | None = None) -> int:
    """Compute the bestsellers as of `now` (the present when None) and return how many lists there are.

    Countries without a sale in the last year lose their list and are served the one of all countries. Where
    nothing at all was sold in that year, all lists stay as they are.
    """
    computed_at = clock.now()
    moment = now or computed_at
    parameters: dict[str, datetime | float | int] = {
        "since": moment - timedelta(days=HISTORY_DAYS),
        "until": moment,
        "half_life": HALF_LIFE_DAYS,
        "kept": KEPT_PRODUCTS,
        "computed_at": computed_at,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(REFRESH, parameters)
        lists = int(cursor.rowcount)
        if lists:
            cursor.execute(
                "DELETE FROM recommendations_popularproducts WHERE computed_at < %s", [computed_at]
            )
    return lists
