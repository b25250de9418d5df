"""The session-long temporary tables through which a batch of events goes into the database."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg.adapt import Dumper
from psycopg.pq import Format

from common.clock import now
from common.prepared_statements import answers_at_once, as_array
from customers.events_in import AHEAD
from customers.facts import LOCK, MAKE, add_events_sql
from customers.models import EventType
from customers.news import of_events_sql
from customers.profiles import touch_sql
from customers.tombstones import GONE, gone_in

_COLUMNS = {
    "message_id": "uuid",
    "type": "int2",
    "occurred_at": "timestamptz",
    "customer_id": "int8",
    "product_id": "int8",
    "category_id": "int8",
    "order_id": "int8",
    "refund_id": "int8",
    "line": "text",
    "description": "text",
    "quantity": "int4",
    "unit_price_minor": "int8",
    "value_minor": "int8",
    "currency": "text",
    "session": "text",
    "properties": "text",
    "is_counted": "bool",
}
Row = tuple[Any, ...]
_NUL = re.compile(r"(?<!\\)((?:\\\\)*)\\u0000")
_LEFT = ("currency", "session", "properties")  # what nobody asks for once the event is stored
_FRESH = [name for name in _COLUMNS if name not in _LEFT]
_CREATE = "".join(
    f"CREATE TEMPORARY TABLE IF NOT EXISTS {table}"
    f" ({', '.join(f'{name} {_COLUMNS[name]}' for name in columns)}) ON COMMIT DELETE ROWS;"
    for table, columns in (("ingest_stage", list(_COLUMNS)), ("ingest_fresh", _FRESH))
)
_STORED = (
    "message_id, occurred_at, customer_id, type, product_id, category_id, order_id, quantity, value_minor,"
    " currency, session, properties"  # the last one is text on its way here, so a cast may follow
)
# An event after `ledger_begins` cannot have outlived its ledger row, so only older ones are looked for in the table.
# The planner guesses rows of temporary tables badly. So the probes are scalar subqueries, once for each row, and what
# the ledger took is a hashed subplan: joins might scan the whole ledger, or the whole batch for each of its rows.
_STORE = f"""
WITH incoming AS ({{incoming}}),
unknown AS MATERIALIZED (
  SELECT i.*, occurred_at > %(ledger_begins)s OR coalesce((SELECT false FROM customers_event e
    WHERE e.message_id = i.message_id AND e.occurred_at = i.occurred_at), true) AS is_new
  FROM incoming i
  WHERE coalesce((SELECT false FROM customers_eventkey k WHERE k.message_id = i.message_id), true)
),
ledger AS (
  INSERT INTO customers_eventkey (message_id) SELECT message_id FROM unknown
  ORDER BY message_id {{conflict}} RETURNING message_id
),
new AS MATERIALIZED (
  SELECT * FROM unknown WHERE is_new AND (message_id IN (SELECT message_id FROM ledger)) IS TRUE
),
stored AS (
  INSERT INTO customers_event ({_STORED}, source)
  SELECT {_STORED}::jsonb, %(source)s FROM new ORDER BY customer_id, occurred_at
),
"""  # noqa: S608 - constants only
_KEEP_FRESH = f"""
fresh AS (INSERT INTO ingest_fresh ({", ".join(_FRESH)}) SELECT {", ".join(_FRESH)} FROM new)
SELECT count(*) FROM new WHERE is_counted
"""  # noqa: S608 - constants only
_STORE_FRESH = _STORE + _KEEP_FRESH
_STORE_EVENTS = _STORE_FRESH.format(
    conflict="{conflict}",
    incoming=f"SELECT * FROM ingest_stage WHERE type <> {EventType.ORDER_PLACED.value}",  # noqa: S608
)
# What is placed is the order as it now stands: its time, its owner, the sum of its lines. One that was there before
# has been placed, even where the ledger has forgotten that.
_STORE_PLACED = _STORE_FRESH.format(
    conflict="{conflict}",
    incoming=f"""
  SELECT s.message_id, s.type, o.placed_at AS occurred_at, o.customer_id, s.product_id, s.category_id, s.order_id,
    s.refund_id, s.line, s.description, s.quantity, s.unit_price_minor, o.total_minor AS value_minor,
    o.currency::text AS currency, s.session, s.properties, s.is_counted
  FROM ingest_stage s JOIN customers_order o ON o.id = s.order_id WHERE s.type = {EventType.ORDER_PLACED.value}
    AND (s.is_counted OR o.id = ANY(%(made)s))
    AND o.placed_at >= coalesce((SELECT max(ends_at) FROM customers_expiredevents), '-infinity')
""",  # noqa: S608 - constants only
)
_ADD_BEHAVIOUR = f"""
facts AS ({add_events_sql("new")}),
touched AS ({touch_sql(f"SELECT customer_id, {of_events_sql('type')} FROM new GROUP BY 1")})
SELECT count(*) FROM new
"""  # noqa: S608 - constants only
_STORE_BEHAVIOUR = (
    _STORE.format(conflict="{conflict}", incoming="SELECT * FROM ingest_stage") + _ADD_BEHAVIOUR
)


_SENT = _STORED.split(", ")
_STORE_FEW = (
    _STORE.format(
        conflict="",
        incoming=f"SELECT * FROM unnest({', '.join(f'%({name})s::{_COLUMNS[name]}[]' for name in _SENT)})"  # noqa: S608 - constants only
        f" AS r({', '.join(_SENT)})",
    )
    + _ADD_BEHAVIOUR
)
_PLACES = {name: list(_COLUMNS).index(name) for name in _SENT}
FEW = 500
"""So many rows at most are sent with the statement that stores them; more are copied first."""


class _KeyDumper(Dumper):
    """Sends the sixteen bytes of a UUID as they are."""

    oid = 2950
    format = Format.BINARY

    def dump(self, obj: bytes) -> bytes:
        return obj


def fill(rows: Iterable[Row]) -> None:
    """Copy rows into `ingest_stage`, emptied first; `ingest_fresh` is emptied too.

    The tables last as long as the connection and are empty after each transaction; one that stores several
    batches has them emptied here.
    """
    with connection.cursor() as cursor:
        cursor.execute("SELECT to_regclass('pg_temp.ingest_stage'), to_regclass('pg_temp.ingest_fresh')")
        if None in (cursor.fetchone() or (None,)):
            cursor.execute(_CREATE)
        elif len(connection.savepoint_ids) > 0:
            cursor.execute("TRUNCATE ingest_stage, ingest_fresh")
        copy_rows(cursor, "ingest_stage", _COLUMNS, rows)


def copy_rows(cursor: CursorWrapper, table: str, columns: Mapping[str, str], rows: Iterable[Row]) -> None:
    """Copy rows into a table in the binary form; UUIDs are sixteen bytes. `columns` are types by name."""
    cursor.adapters.register_dumper(bytes, _KeyDumper)
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN WITH (FORMAT binary)") as copy:
        copy.set_types(list(columns.values()))
        for row in rows:
            copy.write_row(row)


def store_behaviour(source: str, *, patient: bool) -> int:
    """Store what the ledger does not know yet, with facts and news, in one statement; return how many.

    For batches without orders and refunds, whose customers' facts are locked. Where another writer stores one of
    the same events just now, it waits for him; then it raises IntegrityError, unless it is `patient`, which
    costs half as much again.
    """
    return _count(_STORE_BEHAVIOUR, source, patient=patient)


def store_few(
    rows: Iterable[Row], source: str, *, customer_ids: Sequence[int]
) -> tuple[int, set[int], set[int]]:
    """Do the same with rows that are not in `ingest_stage`, and lock their customers' facts first, in one round trip.

    Also returns who of these customers was merged or erased meanwhile: then the caller must undo it all.
    """
    columns = list(zip(*rows, strict=True)) or [()] * len(_COLUMNS)
    sent = {name: as_array(columns[place]) for name, place in _PLACES.items() if name != "message_id"}
    keys = as_array(key.hex() for key in columns[_PLACES["message_id"]])
    ids = as_array(customer_ids)
    *_, gone, ((stored,),) = answers_at_once(
        (MAKE, [ids]),
        (LOCK.format(after=""), [ids]),
        (GONE, [ids]),
        (_STORE_FEW, _values(source) | sent | {"message_id": keys}),
    )
    merged, erased = gone_in(gone)
    return stored, merged, erased


def store_events(source: str, *, patient: bool) -> int:
    """Put what the ledger does not know yet into the event table and `ingest_fresh`; return how many."""
    return _count(_STORE_EVENTS, source, patient=patient)


def store_placed(source: str, *, made: Sequence[int], patient: bool) -> int:
    """Do the same for ORDER_PLACED, after the orders' totals are known; return how many were sent to us.

    `made` are the ids of orders that this batch made.
    """
    return _count(_STORE_PLACED, source, patient=patient, made=made)


def fresh_customers() -> list[int]:
    """Return whose events were new."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT customer_id FROM ingest_fresh")
        return [id for (id,) in cursor.fetchall()]


def as_json(value: object) -> str:
    """Return JSON as PostgreSQL takes it: it has no place for the NUL character."""
    text = msgspec.json.encode(value).decode()
    return _NUL.sub(r"\1", text) if "\\u0000" in text else text


def _count(sql: str, source: str, *, patient: bool, made: Sequence[int] = ()) -> int:
    with connection.cursor() as cursor:
        cursor.execute(
            sql.format(conflict="ON CONFLICT DO NOTHING" if patient else ""),
            _values(source) | {"made": list(made)},
        )
        row = cursor.fetchone()
    return int(row[0]) if row else 0


def _values(source: str) -> dict[str, Any]:
    return {
        "source": source,
        "consumers": sorted(settings.TOUCHED_CONSUMERS),
        "ledger_begins": now() - timedelta(days=settings.EVENT_LEDGER_DAYS) + AHEAD,
    }
