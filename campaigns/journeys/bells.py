"""News that a journey listens to: rows that wait until somebody enters or wakes customers by them."""

from collections.abc import Mapping

from django.db import connection
from django.db.models import Aggregate, BigIntegerField

from campaigns.models import Journey
from customers.news import News

_RING = """
INSERT INTO campaigns_journeybell AS bell (customer_id, changed, since)
SELECT news.* FROM unnest(%s::bigint[], %s::bigint[], %s::timestamptz[]) AS news (customer_id, changed, since)
WHERE EXISTS (SELECT FROM customers_customer WHERE id = news.customer_id)
ON CONFLICT (customer_id) DO UPDATE
SET changed = bell.changed | EXCLUDED.changed, since = least(bell.since, EXCLUDED.since)
"""


class _BitOr(Aggregate):
    function = "bit_or"
    output_field = BigIntegerField()


def ring(news: Mapping[int, News]) -> None:
    """Keep the news, by customer, that some journey listens to; in the caller's transaction. Two queries at most."""
    walking = Journey.objects.exclude(state=Journey.State.DRAFT)
    wanted = walking.aggregate(bits=_BitOr("listens"))["bits"] or 0
    rows = sorted((pk, one.changed, one.since) for pk, one in news.items() if one.changed & wanted)
    if rows:
        with connection.cursor() as cursor:
            cursor.execute(_RING, list(map(list, zip(*rows, strict=True))))
