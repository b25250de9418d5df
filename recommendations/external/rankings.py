"""Products that a model elsewhere ranked, on their way to the shelf: one row a customer, all in one statement."""

from __future__ import annotations

from datetime import datetime

from django.db import connection, transaction

from customers.profiling import keep_only_allowed
from products.models import Product
from recommendations.external.answers import Rankings
from recommendations.external.models import ExternalRecommendation

CHUNK_ROWS = 5_000
_FRESH = "CREATE TEMPORARY TABLE fresh_ranking (customer_id bigint, product_ids bigint[]) ON COMMIT DROP"
_DROP_OLD = """
DELETE FROM recommendations_externalrecommendation e
WHERE NOT EXISTS (SELECT FROM fresh_ranking f WHERE f.customer_id = e.customer_id)
"""
_STORE = """
INSERT INTO recommendations_externalrecommendation AS e (customer_id, product_ids, version, computed_at)
SELECT f.customer_id, f.product_ids, %(version)s, %(now)s
FROM fresh_ranking f JOIN customers_customer c ON c.id = f.customer_id
WHERE c.allows_profiling AND NOT c.is_anonymous
ORDER BY f.customer_id
ON CONFLICT (customer_id) DO UPDATE SET product_ids = excluded.product_ids, version = excluded.version,
    computed_at = excluded.computed_at
RETURNING e.customer_id, e.xmax = 0 AS is_new
"""


def catalogue() -> dict[str, int]:
    """The shop's own id of each product → its key; `source:id` where several sources have the same. One query."""
    found: dict[str, int] = {}
    twice: set[str] = set()
    rows = Product.objects.order_by("pk").values_list("pk", "source", "external_id")
    for pk, source, name in rows.iterator(chunk_size=CHUNK_ROWS):
        found[f"{source}:{name}"] = pk
        if name in found:
            twice.add(name)
        found[name] = pk
    for name in twice:
        del found[name]
    return found


def store_rankings(answer: Rankings, *, now: datetime) -> None:
    """Put these rankings in place of all others; who objected to profiling meanwhile gets none."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(_FRESH)
        with cursor.copy("COPY fresh_ranking FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int8", "int8[]"])
            for row in answer.kept():
                copy.write_row(row)
        cursor.execute(_DROP_OLD)
        cursor.execute(_STORE, {"version": answer.version, "now": now})
        new = [id for id, is_new in cursor.fetchall() if is_new]
        cursor.execute("DROP TABLE fresh_ranking")
        keep_only_allowed(ExternalRecommendation, new)


def remove_rankings() -> None:
    """Leave everything to our own recommender."""
    ExternalRecommendation.objects.all().delete()
