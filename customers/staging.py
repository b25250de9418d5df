"""The session-long temporary tables through which a batch of events goes into the database."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
from django.conf import settings
from django.db import connection
from django.db.backends.utils import CursorWrapper
from psycopg.adapt import Dumper
from psycopg.pq import Format

from customers.facts import BEHAVIOUR_COLUMNS, add_events_sql
from customers.models import EventType
from customers.profiles import touch_sql

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
_STORE = f"""
WITH incoming AS ({{incoming}}),
ledger AS (
  INSERT INTO customers_eventkey (message_id) SELECT message_id FROM incoming ORDER BY message_id
  ON CONFLICT DO NOTHING RETURNING message_id
),
stored AS (
  INSERT INTO customers_event ({_STORED}, source)
  SELECT {_STORED}::jsonb, %(source)s FROM incoming JOIN ledger USING (message_id)
  ORDER BY customer_id, occurred_at
  ON CONFLICT DO NOTHING RETURNING message_id, {BEHAVIOUR_COLUMNS}
),
"""  # noqa: S608 - constants only
_STORE_FRESH = f"""{_STORE}
fresh AS (
  INSERT INTO ingest_fresh ({", ".join(_FRESH)})
  SELECT {", ".join(f"i.{name}" for name in _FRESH)} FROM incoming i JOIN stored USING (message_id)
  RETURNING is_counted
)
SELECT count(*) FROM fresh WHERE is_counted
"""  # noqa: S608 - constants only
_STORE_EVENTS = _STORE_FRESH.format(
    incoming=f"SELECT * FROM ingest_stage WHERE type <> {EventType.ORDER_PLACED.value}"  # noqa: S608
)
# What is placed is the order as it now stands: its time, its owner, the sum of its lines.
_STORE_PLACED = _STORE_FRESH.format(
    incoming=f"""
  SELECT s.message_id, s.type, o.placed_at AS occurred_at, o.customer_id, s.product_id, s.category_id, s.order_id,
    s.refund_id, s.line, s.description, s.quantity, s.unit_price_minor, o.total_minor AS value_minor,
    o.currency::text AS currency, s.session, s.properties, s.is_counted
  FROM ingest_stage s JOIN customers_order o ON o.id = s.order_id WHERE s.type = {EventType.ORDER_PLACED.value}
"""  # noqa: S608 - constants only
)
_STORE_BEHAVIOUR = _STORE.format(incoming="SELECT * FROM ingest_stage") + f"""
facts AS ({add_events_sql("stored")}),
touched AS ({touch_sql("SELECT DISTINCT customer_id FROM stored")})
SELECT count(*) FROM stored
"""  # noqa: S608 - constants only


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


def copy_rows(
    cursor: CursorWrapper, table: str, columns: Mapping[str, str], rows: Iterable[Row]
) -> None:
    """Copy rows into a table in the binary form; UUIDs are sixteen bytes. `columns` are types by name."""
    cursor.adapters.register_dumper(bytes, _KeyDumper)
    with cursor.copy(f"COPY {table} ({', '.join(columns)}) FROM STDIN WITH (FORMAT binary)") as copy:
        copy.set_types(list(columns.values()))
        for row in rows:
            copy.write_row(row)


def store_behaviour(source: str) -> int:
    """Store what the ledger does not know yet, with facts and news, in one statement; return how many.

    For batches without orders and refunds, whose customers' facts are locked.
    """
    return _count(_STORE_BEHAVIOUR, source)


def store_events(source: str) -> int:
    """Put what the ledger does not know yet into the event table and `ingest_fresh`; return how many."""
    return _count(_STORE_EVENTS, source)


def store_placed(source: str) -> int:
    """Do the same for ORDER_PLACED, after the orders' totals are known; return how many were sent to us."""
    return _count(_STORE_PLACED, source)


def fresh_customers() -> list[int]:
    """Return whose events were new."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT customer_id FROM ingest_fresh")
        return [id for (id,) in cursor.fetchall()]


def as_json(value: object) -> str:
    """Return JSON as PostgreSQL takes it: it has no place for the NUL character."""
    text = msgspec.json.encode(value).decode()
    return _NUL.sub(r"\1", text) if "\\u0000" in text else text


def _count(sql: str, source: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, {"source": source, "consumers": sorted(settings.TOUCHED_CONSUMERS)})
        row = cursor.fetchone()
    return int(row[0]) if row else 0
