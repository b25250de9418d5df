"""Facts of messages and shares of orders, added up by day and by what messages have in common.

Sums are kept by difference: what rows added is taken away before they are made anew, and added again afterwards. So it
does not matter how late, how often or in which order something is told.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection

_DAY_KEY = ("dispatch_id", "day", "variant_key")
_DAY_SUMS = (
    "sent",
    "delivered",
    "opened",
    "machine_opened",
    "clicked",
    "unsubscribed",
    "bounced",
    "complained",
    "order_parts",
    "revenue_minor",
)
_PART_KEY = ("dispatch_id", "dimension", "sent_on", "key")
_PART_SUMS = (
    "sent",
    "delivered",
    "opened",
    "clicked",
    "unsubscribed",
    "bounced",
    "complained",
    "order_parts",
    "revenue_minor",
    "shown",
    "chosen",
    "bought",
    "bought_minor",
)
_DAYS = """
SELECT f.dispatch_id, what.day, f.variant_key, sum(what.sent), sum(what.delivered), sum(what.opened),
    sum(what.machine_opened), sum(what.clicked), sum(what.unsubscribed), sum(what.bounced), sum(what.complained), 0, 0
FROM reports_messagefact f
CROSS JOIN LATERAL (VALUES
    (f.sent_on, 1, (f.bounced_on IS NULL)::int, 0, 0, 0, 0, 0, 0),
    (f.opened_on, 0, 0, 1, 0, 0, 0, 0, 0),
    (f.machine_opened_on, 0, 0, 0, 1, 0, 0, 0, 0),
    (f.clicked_on, 0, 0, 0, 0, 1, 0, 0, 0),
    (f.unsubscribed_on, 0, 0, 0, 0, 0, 1, 0, 0),
    (f.bounced_on, 0, 0, 0, 0, 0, 0, 1, 0),
    (f.complained_on, 0, 0, 0, 0, 0, 0, 0, 1)
) AS what (day, sent, delivered, opened, machine_opened, clicked, unsubscribed, bounced, complained)
WHERE {facts} AND what.day IS NOT NULL GROUP BY 1, 2, 3
UNION ALL
SELECT a.dispatch_id, a.day, a.variant_key, 0, 0, 0, 0, 0, 0, 0, 0, sum(a.order_parts), sum(a.revenue_minor)
FROM reports_attribution a WHERE {orders} GROUP BY 1, 2, 3
"""
_PARTS = """
SELECT f.dispatch_id, part.dimension, f.sent_on, part.key, count(*), count(*) FILTER (WHERE f.bounced_on IS NULL),
    count(f.opened_on), count(f.clicked_on), count(f.unsubscribed_on), count(f.bounced_on), count(f.complained_on),
    sum(f.order_parts), sum(f.revenue_minor), sum(part.shown), sum(part.chosen), sum(part.bought),
    sum(part.bought_minor)
FROM reports_messagefact f
CROSS JOIN LATERAL (
    VALUES ('domain', f.domain, 0, 0, 0, 0::bigint), ('client', nullif(f.client, ''), 0, 0, 0, 0),
        ('stage', f.stage, 0, 0, 0, 0)
    UNION ALL
    SELECT dimension, key, shown, chosen, bought, bought_minor FROM reports_messagepart p
    WHERE p.message_id = f.message_id
) AS part (dimension, key, shown, chosen, bought, bought_minor)
WHERE {facts} AND part.key IS NOT NULL GROUP BY 1, 2, 3, 4
"""
_TABLES = (
    ("reports_dayfigures", _DAY_KEY, _DAY_SUMS, _DAYS),
    ("reports_partfigures", _PART_KEY, _PART_SUMS, _PARTS),
)


def add(*, message_ids: Sequence[int], order_ids: Sequence[int], sign: int) -> None:
    """Add (`sign` 1), or take away (-1), what these messages' facts and these orders' shares are in the sums."""
    for table, key, sums, select in _TABLES:
        _put(
            table,
            key,
            sums,
            select.format(facts="f.message_id = ANY(%(messages)s)", orders="a.order_id = ANY(%(orders)s)"),
            {"messages": list(message_ids), "orders": list(order_ids), "sign": sign},
        )


def drop_empty(dispatch_ids: Sequence[int]) -> None:
    """Take rows of these dispatches out in which nothing is left to count."""
    with connection.cursor() as cursor:
        for table, _, sums, _ in _TABLES:
            nothing = " AND ".join(f"{name} = 0" for name in sums)
            cursor.execute(
                f"DELETE FROM {table} WHERE dispatch_id = ANY(%s) AND {nothing}",  # noqa: S608 - constants only
                [list(dispatch_ids)],
            )


def rebuild() -> None:
    """Add everything up anew."""
    for table, key, sums, select in _TABLES:
        with connection.cursor() as cursor:
            cursor.execute(f"DELETE FROM {table}")  # noqa: S608 - constants only
        _put(table, key, sums, select.format(facts="true", orders="true"), {"sign": 1})


def _put(table: str, key: Sequence[str], sums: Sequence[str], select: str, values: dict[str, Any]) -> None:
    keys, names = ", ".join(key), ", ".join(sums)
    summed = ", ".join(f"%(sign)s * sum({name})" for name in sums)
    more = ", ".join(f"{name} = {table}.{name} + excluded.{name}" for name in sums)
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({keys}, {names}) SELECT {keys}, {summed}"  # noqa: S608 - constants only
            f" FROM ({select}) AS added ({keys}, {names}) GROUP BY {keys} ORDER BY {keys}"
            f" ON CONFLICT ({keys}) DO UPDATE SET {more}",
            values,
        )
