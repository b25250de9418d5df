"""Who comes back: customers by the month (UTC) of their first order, and how many of them ordered in later months."""

from datetime import timedelta

from django.db import connection, transaction

from common.clock import now
from customers.conversion import ORDER_NET, into_reporting
from reports.models import CohortFigures

MONTHS = 12
EVERY = timedelta(hours=20)
_COUNT = f"""
WITH placed AS (
    SELECT o.customer_id, date_trunc('month', o.placed_at AT TIME ZONE 'UTC')::date AS month, count(*) AS orders,
        coalesce(sum({ORDER_NET}), 0) AS revenue
    FROM customers_order o GROUP BY 1, 2
), counted AS (
    SELECT *, min(month) OVER (PARTITION BY customer_id) AS first FROM placed
), later AS (
    SELECT *, (extract(year FROM month) - extract(year FROM first)) * 12
        + extract(month FROM month) - extract(month FROM first) AS months FROM counted
)
INSERT INTO reports_cohortfigures (first_month, months_later, customers, orders, revenue_minor, counted_at)
SELECT first, months, count(*), sum(orders), sum(revenue), %(at)s FROM later
WHERE months <= %(months)s GROUP BY first, months ORDER BY first, months
"""  # noqa: S608 - constants only


def count_cohorts() -> int:
    """Count all cohorts anew and keep them in place of the old ones; one pass over the orders. Returns the rows."""
    with transaction.atomic(), connection.cursor() as cursor:
        CohortFigures.objects.all().delete()
        cursor.execute(_COUNT, into_reporting() | {"at": now(), "months": MONTHS})
        return cursor.rowcount


def refresh_cohorts() -> int:
    """The same where the stored ones are missing or old."""
    newest = CohortFigures.objects.order_by("-counted_at").values_list("counted_at", flat=True).first()
    return count_cohorts() if newest is None or newest < now() - EVERY else 0
