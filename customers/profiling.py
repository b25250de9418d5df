"""What formulas and models conclude about people goes when they object, even while it is being computed."""

from __future__ import annotations

from collections.abc import Collection

from django.db import connection, models

from customers.policies import policies

_DROP = """
WITH held AS MATERIALIZED (
  SELECT c.id FROM customers_customer c
  WHERE c.allows_profiling AND c.id IN (SELECT customer_id FROM {table} WHERE {key} = ANY(%(new)s))
  ORDER BY c.id FOR SHARE SKIP LOCKED
)
DELETE FROM {table} t WHERE t.{key} = ANY(%(new)s) AND NOT EXISTS (SELECT FROM held WHERE held.id = t.customer_id)
"""


def forget(customer_ids: Collection[int]) -> None:
    """Delete what was concluded about these customers; the caller holds their rows locked."""
    for policy in policies():
        if policy.is_profile:
            rows = policy.table._base_manager.filter(**{f"{policy.path}__in": sorted(customer_ids)})
            rows._raw_delete(rows.db)


def keep_only_allowed(model: type[models.Model], new: Collection[int]) -> None:
    """Delete those of the rows just inserted (keys `new`) whose customer has objected meanwhile.

    The last step of a transaction that computes conclusions, which may have read long ago who allows them. Whoever
    objects between this and the commit waits for the commit, and then finds the rows. Whose customer is being changed
    right now is not waited for, which could be for ever: such a row is left out until the next round. Rows that were
    there before need nothing: an objection waits for them.
    """
    with connection.cursor() as cursor:
        statement = _DROP.format(table=model._meta.db_table, key=model._meta.pk.column)
        cursor.execute(statement, {"new": sorted(new)})
