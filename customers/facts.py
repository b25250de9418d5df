"""CustomerFacts: kept by ingest in its own transaction, and made anew from orders, events, and what expired ones left.

Both ways go through the same queries, `behaviour_sql` and `_MONEY_OF`. Sums of money are in the reporting currency
(`customers.conversion`); orders without a rate are counted, but in no sum. What came last is a pair (time, id):
among the rows at the latest time the largest id wins, so the order of arrival does not matter. A customer is
*seen* by what they do, not by what is sent to them. Products bought count units; postage and fees do not.
"""

from collections.abc import Sequence
from typing import Any

from django.db import connection, transaction

from customers.conversion import ORDER_TOTAL, REFUND_AMOUNT, into_reporting
from customers.models import EventType

_COUNTED = {
    "views_count": (EventType.PRODUCT_VIEWED,),
    "carts_count": (EventType.PRODUCT_ADDED, EventType.CART_UPDATED),
    "emails_sent_count": (EventType.EMAIL_SENT,),
    "opens_count": (EventType.EMAIL_OPENED,),
    "clicks_count": (EventType.EMAIL_CLICKED,),
}
_LATEST = {
    "last_view_at": (EventType.PRODUCT_VIEWED,),
    "last_cart_at": (EventType.PRODUCT_ADDED, EventType.CART_UPDATED),
    "last_sent_at": (EventType.EMAIL_SENT,),
    "last_open_at": (EventType.EMAIL_OPENED,),
    "last_click_at": (EventType.EMAIL_CLICKED,),
}
_IDS_AT_LATEST = {
    "last_viewed_product_id": ("last_view_at", "product_id"),
    "last_session_category_id": ("last_view_at", "category_id"),
    "last_cart_product_id": ("last_cart_at", "product_id"),
    "last_purchase_product_id": ("last_purchase_at", "product_id"),
    "last_purchase_category_id": ("last_purchase_at", "category_id"),
}
BEHAVIOUR_COLUMNS = "customer_id, type, occurred_at, product_id, category_id, quantity"
# What is done to a customer: whom we write to or pay back has not been here.
_UNSEEN = (EventType.EMAIL_SENT, EventType.EMAIL_BOUNCED, EventType.ORDER_REFUNDED)
MONEY = (
    "orders_count",
    "first_order_at",
    "last_order_at",
    "revenue_minor",
    "refunds_count",
    "refunded_minor",
)


def types_behind(fact: str) -> frozenset[EventType]:
    """Return the types of events that may change a fact: what is told of others need not be judged by it."""
    at = _IDS_AT_LATEST[fact][0] if fact in _IDS_AT_LATEST else fact
    if at in MONEY:
        return frozenset({EventType.ORDER_PLACED, EventType.ORDER_LINE, EventType.ORDER_REFUNDED})
    if at in ("units_count", "last_purchase_at"):
        return frozenset({EventType.ORDER_LINE})
    return frozenset(_COUNTED.get(at) or _LATEST.get(at) or EventType)


def _of(types: Sequence[EventType]) -> str:
    return f"type IN ({', '.join(str(int(type)) for type in types)})"


_PURCHASE = f"{_of([EventType.ORDER_LINE])} AND product_id IS NOT NULL"
_FILTERS = {name: _of(types) for name, types in _LATEST.items()} | {"last_purchase_at": _PURCHASE}


def behaviour_sql(relation: str) -> str:
    """Return the query that sums the events of `relation` (a table, or a subquery in brackets) by customer.

    The ids at the latest time are looked for among the rows of that time: sorted aggregates would begin a sort for
    each id of each customer.
    """
    columns = [
        f"min(occurred_at) FILTER (WHERE NOT {_of(_UNSEEN)}) AS first_seen_at",
        f"max(occurred_at) FILTER (WHERE NOT {_of(_UNSEEN)}) AS last_seen_at",
        f"coalesce(sum(quantity) FILTER (WHERE {_PURCHASE}), 0) AS units_count",
        *(f"count(*) FILTER (WHERE {_of(types)}) AS {name}" for name, types in _COUNTED.items()),
        *(f"max(occurred_at) FILTER (WHERE {where}) AS {name}" for name, where in _FILTERS.items()),
        *(
            f"max({column}) FILTER (WHERE {_FILTERS[at]} AND occurred_at = latest_{at}) AS {name}"
            for name, (at, column) in _IDS_AT_LATEST.items()
        ),
    ]
    latest = [
        f"max(occurred_at) FILTER (WHERE {_FILTERS[at]}) OVER (PARTITION BY customer_id) AS latest_{at}"
        for at in sorted({at for at, _ in _IDS_AT_LATEST.values()})
    ]
    dated = f"SELECT {BEHAVIOUR_COLUMNS}, {', '.join(latest)} FROM {relation} AS r"  # noqa: S608 - constants only
    return f"SELECT customer_id, {', '.join(columns)} FROM ({dated}) e GROUP BY customer_id"  # noqa: S608 - constants only


def _merged(name: str) -> str:
    """How a stored fact and the same fact of new events become one."""
    if name == "first_seen_at":
        return f"{name} = least(f.{name}, a.{name})"
    if name.endswith("_at"):
        return f"{name} = greatest(f.{name}, a.{name})"
    if name in _IDS_AT_LATEST:
        at = _IDS_AT_LATEST[name][0]
        return (
            f"{name} = CASE WHEN a.{at} IS NULL OR a.{at} < f.{at} THEN f.{name}"
            f" WHEN a.{at} = f.{at} THEN greatest(f.{name}, a.{name}) ELSE a.{name} END"
        )
    return f"{name} = f.{name} + a.{name}"


BEHAVIOUR = (
    "first_seen_at",
    "last_seen_at",
    "units_count",
    *_COUNTED,
    *_FILTERS,
    *_IDS_AT_LATEST,
)


def add_events_sql(relation: str) -> str:
    """Return the statement that adds the events of `relation` to the facts, whose rows are locked."""
    return (
        f"UPDATE customers_customerfacts f SET {', '.join(map(_merged, BEHAVIOUR))}"  # noqa: S608 - constants only
        f" FROM ({behaviour_sql(relation)}) a WHERE f.customer_id = a.customer_id"
    )


_MONEY_OF = f"""
SELECT w.customer_id, coalesce(o.orders_count, 0) AS orders_count, o.first_order_at, o.last_order_at,
  coalesce(o.revenue_minor, 0) AS revenue_minor, coalesce(r.refunds_count, 0) AS refunds_count,
  coalesce(r.refunded_minor, 0) AS refunded_minor
FROM unnest(%(ids)s::bigint[]) AS w(customer_id)
LEFT JOIN (SELECT o.customer_id, count(*) AS orders_count, min(o.placed_at) AS first_order_at,
    max(o.placed_at) AS last_order_at, sum({ORDER_TOTAL}) AS revenue_minor
  FROM customers_order o WHERE o.customer_id = ANY(%(ids)s) GROUP BY o.customer_id) o USING (customer_id)
LEFT JOIN (SELECT r.customer_id, count(*) AS refunds_count, sum({REFUND_AMOUNT}) AS refunded_minor
  FROM customers_refund r WHERE r.customer_id = ANY(%(ids)s) GROUP BY r.customer_id) r USING (customer_id)
"""  # noqa: S608 - constants only
_SET_MONEY = (
    f"UPDATE customers_customerfacts f SET {', '.join(f'{name} = a.{name}' for name in MONEY)}"  # noqa: S608 - constants only
    f" FROM ({_MONEY_OF}) a WHERE f.customer_id = a.customer_id"
    f" AND ({', '.join(f'f.{name}' for name in MONEY)})"
    f" IS DISTINCT FROM ({', '.join(f'a.{name}' for name in MONEY)}) RETURNING f.customer_id"
)


def _summed(name: str) -> str:
    """How several rows of one fact become one."""
    if name in _IDS_AT_LATEST:
        at = _IDS_AT_LATEST[name][0]
        return f"(array_agg({name} ORDER BY {at} DESC NULLS LAST, {name} DESC NULLS LAST))[1] AS {name}"
    function = "min" if name == "first_seen_at" else "max" if name.endswith("_at") else "sum"
    return f"{function}({name}) AS {name}"


_BEHAVIOUR_OF = f"""
SELECT customer_id, {", ".join(map(_summed, BEHAVIOUR))} FROM (
  SELECT customer_id, {", ".join(BEHAVIOUR)}
  FROM ({behaviour_sql("(SELECT * FROM customers_event WHERE customer_id = ANY(%s))")}) e
  UNION ALL
  SELECT customer_id, {", ".join(BEHAVIOUR)} FROM customers_factsbaseline WHERE customer_id = ANY(%s)
) parts GROUP BY customer_id
"""  # noqa: S608 - constants only


MAKE = """
INSERT INTO customers_customerfacts (customer_id) SELECT id FROM unnest(%s::bigint[]) AS w(id)
WHERE NOT EXISTS (SELECT FROM customers_customerfacts f WHERE f.customer_id = w.id) ORDER BY id ON CONFLICT DO NOTHING
"""
LOCK = """
SELECT customer_id FROM customers_customerfacts WHERE customer_id = ANY(%s){after} ORDER BY customer_id FOR UPDATE
"""
_MAKE_AND_LOCK = (
    f"WITH made AS ({MAKE} RETURNING 1), ready AS (SELECT count(*) FROM made)"  # noqa: S608 - constants only
    + LOCK.format(after=" AND (SELECT count FROM ready) >= 0")
)


def lock_facts(customer_ids: Sequence[int]) -> None:
    """Make the rows that are missing and lock them all, in the order of ids, until the transaction ends.

    Every writer of facts, orders and refunds takes this lock first, so that one customer's money is changed by
    one transaction at a time and sums read after the lock are exact.
    """
    ids = sorted(set(customer_ids))
    with connection.cursor() as cursor:
        cursor.execute(MAKE, [ids])
        cursor.execute(LOCK.format(after=""), [ids])


def lock_facts_at_once(customer_ids: Sequence[int]) -> None:
    """Do the same in one query, for callers who run again after a deadlock.

    Rows that it makes, or that somebody else makes just now, are not among those that it sees: then it locks all of
    them once more, and meets those of others out of turn.
    """
    ids = sorted(set(customer_ids))
    with connection.cursor() as cursor:
        cursor.execute(_MAKE_AND_LOCK, [ids, ids])
        if cursor.rowcount < len(ids):
            cursor.execute(LOCK.format(after=""), [ids])


def add_fresh_events() -> None:
    """Add the events in the temporary table `ingest_fresh` to the facts, whose rows are locked."""
    with connection.cursor() as cursor:
        cursor.execute(add_events_sql("ingest_fresh"))


def refresh_money(customer_ids: Sequence[int]) -> list[int]:
    """Sum orders and refunds of these customers anew, whose facts' rows are locked; return whose sums changed."""
    with connection.cursor() as cursor:
        cursor.execute(_SET_MONEY, {"ids": sorted(set(customer_ids)), **into_reporting()})
        return [id for (id,) in cursor.fetchall()]


def rebuild_facts(customer_ids: Sequence[int] | None = None, *, chunk: int = 5000) -> int:
    """Make facts anew from orders, refunds, events and the baseline of expired ones; of all customers unless named.

    Works chunk by chunk, each its own transaction, beside running ingest. Returns how many rows were made.
    """
    ids = sorted(set(_all_ids() if customer_ids is None else customer_ids))
    for start in range(0, len(ids), chunk):
        some = ids[start : start + chunk]
        with transaction.atomic():
            lock_facts(some)
            rebuild_locked(some)
    return len(ids)


def facts_drift(sample: int = 1000) -> dict[int, dict[str, tuple[Any, Any]]]:
    """Compare stored facts with a rebuild for a random sample of customers.

    Returns, by customer id, the facts that differ as (stored, rebuilt); nothing is changed.
    """
    names = (*BEHAVIOUR, *MONEY)
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT customer_id FROM customers_customerfacts ORDER BY random() LIMIT %s", [sample])
        ids = [id for (id,) in cursor.fetchall()]
        lock_facts(ids)
        stored = _rows(ids, names)
        rebuild_locked(ids)
        rebuilt = _rows(ids, names)
        transaction.set_rollback(True)
    return {
        id: {
            name: (stored[id][name], rebuilt[id][name])
            for name in names
            if stored[id][name] != rebuilt[id][name]
        }
        for id in ids
        if stored[id] != rebuilt[id]
    }


def rebuild_locked(ids: Sequence[int]) -> None:
    """Make the facts of these customers anew; their rows are locked."""
    zero = {name: "0" if name.endswith(("_count", "_minor")) else "NULL" for name in BEHAVIOUR}
    values = ", ".join(f"{name} = coalesce(a.{name}, {zero[name]})" for name in BEHAVIOUR)
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE customers_customerfacts f SET {values}"  # noqa: S608 - constants only
            " FROM unnest(%s::bigint[]) AS w(id)"
            f" LEFT JOIN ({_BEHAVIOUR_OF}) a ON a.customer_id = w.id WHERE f.customer_id = w.id",
            [list(ids)] * 3,
        )
    refresh_money(ids)


def _all_ids() -> list[int]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT id FROM customers_customer")
        return [id for (id,) in cursor.fetchall()]


def _rows(ids: list[int], names: Sequence[str]) -> dict[int, dict[str, Any]]:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT customer_id, {', '.join(names)} FROM customers_customerfacts WHERE customer_id = ANY(%s)",  # noqa: S608 - constants only
            [ids],
        )
        return {row[0]: dict(zip(names, row[1:], strict=True)) for row in cursor.fetchall()}
