"""What becomes of old events: whole months are dropped, some types go earlier, and the ledger forgets.

What expired events had added to their customers' facts stays in `FactsBaseline`, written in the transaction that
removes them. Orders and refunds never expire. Times that were dropped are not taken in again (`dropped_until`).
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import OperationalError, connection, transaction
from django.db.models import Max
from psycopg import errors

from common.clock import now
from customers.facts import BEHAVIOUR, BEHAVIOUR_COLUMNS, behaviour_sql
from customers.models import EventType, ExpiredEvents
from customers.partitions import Span, ensure_partitions, existing_spans

AHEAD_DAYS = 92
_SLACK = timedelta(days=1)  # events refused since yesterday: none of them is on its way any more
_BATCH, _BLOCKS = 20_000, 2_000
_KEEP = (
    f"INSERT INTO customers_factsbaseline (customer_id, {', '.join(BEHAVIOUR)})"  # noqa: S608 - constants only
    f" SELECT customer_id, {', '.join(BEHAVIOUR)} FROM ({{behaviour}}) b"
    " WHERE EXISTS (SELECT FROM customers_customer c WHERE c.id = b.customer_id)"
)
_DELETE = f"""
WITH old AS (
  SELECT message_id, occurred_at FROM customers_event WHERE type = %s AND occurred_at < %s
  ORDER BY occurred_at LIMIT {_BATCH}
),
gone AS (
  DELETE FROM customers_event e USING old
  WHERE e.message_id = old.message_id AND e.occurred_at = old.occurred_at
  RETURNING {", ".join(f"e.{name.strip()}" for name in BEHAVIOUR_COLUMNS.split(","))}
),
kept AS ({_KEEP.format(behaviour=behaviour_sql("gone"))})
SELECT count(*) FROM gone
"""  # noqa: S608 - constants only
logger = logging.getLogger(__name__)


def maintain_events() -> dict[str, int]:
    """Make partitions for the months to come, and remove what has expired by the settings; return what was done."""
    days = settings.EVENT_RETENTION_DAYS
    return {
        "made": len(ensure_partitions(now(), now() + timedelta(days=AHEAD_DAYS))),
        "dropped": len(drop_expired_partitions(timedelta(days=days))) if days else 0,
        "deleted": sum(
            delete_expired(EventType[name.upper()], timedelta(days=days))
            for name, days in sorted(settings.EVENT_RETENTION_BY_TYPE.items())
        ),
        "forgotten": forget_keys(timedelta(days=settings.EVENT_LEDGER_DAYS)),
    }


def drop_expired_partitions(retention: timedelta) -> list[Span]:
    """Drop the partitions in which everything is older than `retention` and a day; return them.

    Each in its own transaction. One that is in use for more than five seconds is left to the next run.
    """
    before = now() - retention - _SLACK
    return [span for span in existing_spans() if span.end <= before and _drop(span)]


def dropped_until() -> datetime | None:
    """Return the time before which events were dropped, or None. One query."""
    return ExpiredEvents.objects.aggregate(until=Max("ends_at"))["until"]


def delete_expired(type: EventType, retention: timedelta) -> int:
    """Delete the events of one type that are older than `retention`, batch by batch; return how many."""
    before = now() - retention - _SLACK
    return _until_none(lambda: _count(_DELETE, [int(type), before]))


def forget_keys(age: timedelta) -> int:
    """Delete ledger rows older than `age`, some blocks at a time; return how many.

    An event sent again after that is still known where it shows the same time.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_relation_size('customers_eventkey') / current_setting('block_size')::int")
        blocks = (cursor.fetchone() or (0,))[0]
        forgotten = 0
        for first in range(0, blocks, _BLOCKS):
            cursor.execute(
                "DELETE FROM customers_eventkey WHERE ctid >= %s::tid AND ctid < %s::tid AND received_at < %s",
                [f"({first},0)", f"({first + _BLOCKS},0)", now() - age],
            )
            forgotten += cursor.rowcount
    return forgotten


def _drop(span: Span) -> bool:
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '5s'")
            cursor.execute(f"LOCK TABLE {span.table} IN SHARE MODE")
            cursor.execute(_KEEP.format(behaviour=behaviour_sql(span.table)))
            cursor.execute(f"SELECT count(*) FROM {span.table}")  # noqa: S608 - a name that we made
            (count,) = cursor.fetchone() or (0,)
            ExpiredEvents.objects.create(starts_at=span.start, ends_at=span.end, events_count=count)
            cursor.execute(f"DROP TABLE {span.table}")
    except OperationalError as error:
        if not isinstance(error.__cause__, errors.LockNotAvailable | errors.DeadlockDetected):
            raise
        logger.warning("The events before %s are in use; they are dropped another time", span.end.date())
        return False
    return True


def _until_none(work: Callable[[], int]) -> int:
    total = 0
    while done := work():
        total += done
    return total


def _count(sql: str, values: list[Any]) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return int((cursor.fetchone() or (0,))[0])
