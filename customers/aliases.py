"""Profiles that were merged into others: whom an id leads to."""

from collections.abc import Iterable

from django.db import connection


def survivors(customer_ids: Iterable[int]) -> dict[int, int]:
    """Return whom the ids lead to, for those ids only that were merged into somebody. One query."""
    ids = sorted(set(customer_ids))
    if not ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH RECURSIVE way AS ("
            " SELECT id, merged_into_id AS at FROM customers_customer"
            " WHERE id = ANY(%s) AND merged_into_id IS NOT NULL"
            " UNION ALL SELECT way.id, c.merged_into_id FROM way JOIN customers_customer c ON c.id = way.at"
            " WHERE c.merged_into_id IS NOT NULL"
            ") SELECT way.id, way.at FROM way"
            " JOIN customers_customer c ON c.id = way.at AND c.merged_into_id IS NULL",
            [ids],
        )
        return dict(cursor.fetchall())


def current(customer_id: int) -> int:
    """Return whom an id leads to: itself, or the survivor of a merge."""
    return survivors([customer_id]).get(customer_id, customer_id)
