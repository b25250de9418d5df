"""Bestsellers of each country, each category and of all, and what is trending: fallbacks that always exist."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import connection, transaction

from common import clock
from customers.models import EventType
from recommendations.interactions import CART_WEIGHT, KEPT, PURCHASE_WEIGHT, VIEW_WEIGHT
from recommendations.models import PopularProducts

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
INSERT INTO recommendations_popularproducts (kind, country, product_ids, scores, computed_at)
SELECT 'bestsellers', place, array_agg(product_id ORDER BY rank), array_agg(score ORDER BY rank), %(computed_at)s
FROM ranked WHERE rank <= %(kept)s
GROUP BY place ORDER BY place
ON CONFLICT (kind, country, category_id) DO UPDATE SET
    product_ids = excluded.product_ids, scores = excluded.scores, computed_at = excluded.computed_at
"""  # noqa: S608

# A category's bestsellers are those of what lies below it too.
REFRESH_IN_CATEGORIES = f"""
WITH sold AS (
    SELECT DISTINCT o.customer_id, l.product_id, date_trunc('day', o.placed_at, 'UTC') AS day
    FROM customers_orderline l
    JOIN customers_order o ON o.id = l.order_id
    JOIN products_product p ON p.id = l.product_id AND p.is_available AND p.category_id IS NOT NULL
    WHERE o.placed_at >= %(since)s AND o.placed_at < %(until)s AND l.quantity > 0
      AND {KEPT}
), scored AS (
    SELECT product_id,
           sum(power(0.5::float8, extract(epoch FROM %(until)s - day)::float8 / 86400 / %(half_life)s)) AS score
    FROM sold GROUP BY product_id
), ranked AS (
    SELECT a.id AS place, s.product_id, s.score,
           row_number() OVER (PARTITION BY a.id ORDER BY s.score DESC, s.product_id) AS rank
    FROM scored s
    JOIN products_product p ON p.id = s.product_id
    JOIN products_category c ON c.id = p.category_id
    JOIN products_category a ON a.path = c.path OR starts_with(c.path, a.path || '/')
)
INSERT INTO recommendations_popularproducts (kind, country, category_id, product_ids, scores, computed_at)
SELECT 'in_category', '', place, array_agg(product_id ORDER BY rank), array_agg(score ORDER BY rank), %(computed_at)s
FROM ranked WHERE rank <= %(kept)s
GROUP BY place ORDER BY place
ON CONFLICT (kind, country, category_id) DO UPDATE SET
    product_ids = excluded.product_ids, scores = excluded.scores, computed_at = excluded.computed_at
"""  # noqa: S608

# How many standard deviations a product's last week lies above a week of the four before, if both are counts of a
# Poisson process (plus one, so that what nobody knew does not win by a single sale).
TREND_DAYS, BASE_WEEKS, TREND_CUSTOMERS = 7, 4, 3
REFRESH_TRENDING = f"""
WITH acts AS (
    SELECT DISTINCT o.customer_id, l.product_id, date_trunc('day', o.placed_at, 'UTC') AS day,
           %(purchase)s::float8 AS weight, o.placed_at >= %(week)s AS is_recent
    FROM customers_orderline l JOIN customers_order o ON o.id = l.order_id
    WHERE o.placed_at >= %(since)s AND o.placed_at < %(until)s AND l.quantity > 0
      AND l.product_id IS NOT NULL AND {KEPT}
    UNION ALL
    SELECT DISTINCT e.customer_id, e.product_id, date_trunc('day', e.occurred_at, 'UTC'),
           CASE e.type WHEN %(added)s THEN %(cart)s::float8 ELSE %(view)s::float8 END,
           e.occurred_at >= %(week)s
    FROM customers_event e
    WHERE e.type IN (%(added)s, %(viewed)s) AND e.product_id IS NOT NULL
      AND e.occurred_at >= %(since)s AND e.occurred_at < %(until)s
), counted AS (
    SELECT product_id, coalesce(sum(weight) FILTER (WHERE is_recent), 0) AS recent,
           coalesce(sum(weight) FILTER (WHERE NOT is_recent), 0) / %(weeks)s AS usual,
           count(DISTINCT customer_id) FILTER (WHERE is_recent) AS customers
    FROM acts GROUP BY product_id
), scored AS (
    SELECT c.product_id, (recent - usual) / sqrt(usual + 1) AS score
    FROM counted c JOIN products_product p ON p.id = c.product_id AND p.is_available
    WHERE customers >= %(customers)s AND recent > usual
    ORDER BY score DESC, product_id LIMIT %(kept)s
)
INSERT INTO recommendations_popularproducts (kind, country, product_ids, scores, computed_at)
SELECT 'trending', '', coalesce(array_agg(product_id ORDER BY score DESC, product_id), '{{}}'),
       coalesce(array_agg(score ORDER BY score DESC, product_id), '{{}}'), %(computed_at)s
FROM scored
ON CONFLICT (kind, country, category_id) DO UPDATE SET
    product_ids = excluded.product_ids, scores = excluded.scores, computed_at = excluded.computed_at
"""  # noqa: S608


def refresh_popular_products(*, now: datetime | None = None) -> int:
    """Compute the bestsellers as of `now` (the present when None) and return how many lists of countries there are.

    Countries and categories without a sale in the last year lose their list and are served the one of all countries.
    Where nothing at all was sold in that year, all lists stay as they are.
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
            cursor.execute(REFRESH_IN_CATEGORIES, parameters)
            best = PopularProducts.objects.exclude(kind=PopularProducts.Kind.TRENDING)
            best.filter(computed_at__lt=computed_at).delete()
    return lists


def refresh_trending_products(*, now: datetime | None = None) -> int:
    """Compute what was bought, put into carts and looked at more in the seven days before `now` (the present when
    None) than in a week of the four before, by three customers or more; return how many products that are.

    Each customer counts once a product, day (UTC) and kind of act.
    """
    computed_at = clock.now()
    moment = now or computed_at
    week = moment - timedelta(days=TREND_DAYS)
    with connection.cursor() as cursor:
        cursor.execute(
            REFRESH_TRENDING,
            {
                "since": week - timedelta(weeks=BASE_WEEKS),
                "week": week,
                "until": moment,
                "weeks": BASE_WEEKS,
                "purchase": PURCHASE_WEIGHT,
                "cart": CART_WEIGHT,
                "view": VIEW_WEIGHT,
                "added": EventType.PRODUCT_ADDED.value,
                "viewed": EventType.PRODUCT_VIEWED.value,
                "customers": TREND_CUSTOMERS,
                "kept": KEPT_PRODUCTS,
                "computed_at": computed_at,
            },
        )
    return len(PopularProducts.objects.get(kind=PopularProducts.Kind.TRENDING).product_ids)
