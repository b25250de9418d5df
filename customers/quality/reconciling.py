"""Compares a source, read again from its beginning, with what is stored: rows, keys, sums of each day."""

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from django.conf import settings
from django.db import connection

from common.figures import integer
from customers.events_in import EventIn
from customers.importing.mapping import RowMapping
from customers.models import EventType, SyncRun
from customers.partitions import existing_spans
from customers.prepared import prepare
from customers.quality.watch import RunProfile, Watch

BATCH = 5000
SHOWN_DAYS = 100
SHOWN_KEYS = 10
Part = tuple[list[str], Iterable[list[str] | str]]

_STAGE = """
DROP TABLE IF EXISTS reconcile_stage, reconcile_joined;
CREATE TEMPORARY TABLE reconcile_stage (
    message_id uuid, occurred_at timestamptz, type int2, value_minor int8, name text
)
"""
# What is stored is looked for in the time and among the kinds of events that the source told of.
_JOIN = """
CREATE TEMPORARY TABLE reconcile_joined AS
WITH told AS (
    SELECT DISTINCT ON (message_id) * FROM reconcile_stage WHERE occurred_at >= %(earliest)s ORDER BY message_id
), reach AS (SELECT min(occurred_at) AS first, max(occurred_at) AS last FROM told),
stored AS (
    SELECT e.message_id, e.occurred_at, e.type, e.value_minor FROM customers_event e, reach
    WHERE e.source = %(source)s AND e.occurred_at BETWEEN reach.first AND reach.last AND e.type = ANY(%(types)s)
)
SELECT told.message_id AS told_id, stored.message_id AS stored_id, told.name,
       (told.occurred_at AT TIME ZONE 'UTC')::date AS told_day,
       (stored.occurred_at AT TIME ZONE 'UTC')::date AS stored_day,
       told.value_minor AS told_value, stored.value_minor AS stored_value
FROM told FULL JOIN stored ON stored.message_id = told.message_id
"""
_COUNTS = """
SELECT count(told_id), count(stored_id), count(*) FILTER (WHERE told_id = stored_id),
       count(*) FILTER (WHERE told_id = stored_id AND told_value IS DISTINCT FROM stored_value)
FROM reconcile_joined
"""
_DAYS = """
WITH days AS (
    SELECT told_day AS day, 1 AS told, 0 AS stored, told_value, NULL::bigint AS stored_value FROM reconcile_joined
        WHERE told_id IS NOT NULL
    UNION ALL
    SELECT stored_day, 0, 1, NULL, stored_value FROM reconcile_joined WHERE stored_id IS NOT NULL
)
SELECT day, sum(told), sum(stored), coalesce(sum(told_value), 0), coalesce(sum(stored_value), 0) FROM days
GROUP BY day HAVING sum(told) <> sum(stored) OR coalesce(sum(told_value), 0) <> coalesce(sum(stored_value), 0)
ORDER BY day
"""
_NOT_STORED = "SELECT name FROM reconcile_joined WHERE stored_id IS NULL ORDER BY told_day, name LIMIT %s"
_NOT_TOLD = (
    "SELECT stored_id::text FROM reconcile_joined WHERE told_id IS NULL ORDER BY stored_day, 1 LIMIT %s"
)

_DIFFERENCES = (
    ("repeated", "row repeats an event that another row tells", "rows repeat events that other rows tell"),
    (
        "expired",
        "row is older than the behaviour that is kept",
        "rows are older than the behaviour that is kept",
    ),
    ("not_stored", "event of the source is not stored", "events of the source are not stored"),
    ("not_told", "stored event is not in the source", "stored events are not in the source"),
    ("differing", "event is worth something else than stored", "events are worth something else than stored"),
    ("days_count", "day differs in its events or their sum", "days differ in their events or their sums"),
)


def compare(name: str, mapping: Mapping[str, Any], parts: Iterable[Part]) -> dict[str, Any]:
    """Read all parts (header, rows) of a source and compare; the result is JSON, `is_equal` its verdict.

    Nothing is stored but temporary tables. The rows stream through; refused ones are counted as an import counts
    them. Behaviour older than the oldest kept month cannot be compared and is counted apart. Raises MappingError.
    """
    profile = RunProfile()
    refused: Counter[str] = Counter()
    types: set[int] = set()
    rows = repeated = 0
    with connection.cursor() as cursor:
        cursor.execute(_STAGE)
    for header, part in parts:
        watch = Watch(mapping, header=header, profile=profile)
        row_mapping = RowMapping(mapping, header)
        remaining = iter(part)
        while batch := list(islice(remaining, BATCH)):
            rows += len(batch)
            events = list(_events(batch, row_mapping, watch, refused))
            types |= {event.type for event in events}
            repeated += _stage(mapping["source"], events, refused)
    found = _found(mapping["source"], sorted(types))
    found |= {"rows": rows, "refused": dict(sorted(refused.items()))}
    found["repeated"] += repeated
    found["columns"] = _changed_columns(name, rows, profile)
    found["is_equal"] = not (
        found["not_stored"]
        or found["not_told"]
        or found["differing"]
        or found["days_count"]
        or found["columns"]
    )
    return found


def sentences(result: Mapping[str, Any]) -> list[str]:
    """A result in words, the verdict first."""
    refused = sum(result["refused"].values())
    said = [
        f"{integer(result['rows'])} rows were read again: {integer(refused)} are refused,"
        f" {integer(result['told'])} tell of an event, {integer(result['matched'])} of those are stored."
    ]
    said += [
        f"{integer(result[name])} {one if result[name] == 1 else several}."
        for name, one, several in _DIFFERENCES
        if result[name]
    ]
    said += [f"Column {name} is not what it was when the source was last read." for name in result["columns"]]
    verdict = "Source and store agree." if result["is_equal"] else "Source and store differ."
    return [verdict, *said]


def _events(
    batch: Sequence[list[str] | str], mapping: RowMapping, watch: Watch, refused: Counter[str]
) -> Iterator[EventIn]:
    """The events of a batch that mapping and promises let through; the others are counted by their reason."""
    faulty = watch.look(batch)
    for position, row in enumerate(batch):
        told = mapping.event(row) if isinstance(row, list) else row
        event = watch.verdict(told, faulty.get(position))
        if isinstance(event, str):
            refused[event] += 1
        else:
            yield event


def _stage(source: str, events: Sequence[EventIn], refused: Counter[str]) -> int:
    """Copy what ingest would store, count what it would refuse, return how many repeat another of the batch."""
    prepared = prepare(events, source=source, currency=settings.REPORTING_CURRENCY)
    refused.update(reason for _, reason in prepared.rejects)
    columns = "message_id, occurred_at, type, value_minor, name"
    with connection.cursor() as cursor, cursor.copy(f"COPY reconcile_stage ({columns}) FROM STDIN") as copy:
        for draft in prepared.drafts:
            if draft.position is not None:
                told = events[draft.position]
                name = f"{told.client_id} {told.line}".strip().replace("\0", "")
                key = uuid.UUID(bytes=draft.key)
                copy.write_row((key, draft.occurred_at, draft.type, draft.value_minor, name))
    return prepared.duplicates


def _found(source: str, types: list[int]) -> dict[str, Any]:
    kept = existing_spans()
    placed = int(EventType.ORDER_PLACED)
    parameters = {
        "source": source,
        "types": [type for type in types if type != placed],
        "earliest": kept[0].start if kept else "infinity",
    }
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM reconcile_stage WHERE type = %s", [placed])
        cursor.execute("ANALYZE reconcile_stage")
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE occurred_at < %s) FROM reconcile_stage",
            [parameters["earliest"]],
        )
        staged, expired = cursor.fetchone()
        cursor.execute(_JOIN, parameters)
        cursor.execute(_COUNTS)
        told, stored, matched, differing = cursor.fetchone()
        cursor.execute(_DAYS)
        days = cursor.fetchall()
        cursor.execute(_NOT_STORED, [SHOWN_KEYS])
        not_stored = [name for (name,) in cursor.fetchall()]
        cursor.execute(_NOT_TOLD, [SHOWN_KEYS])
        not_told = [id for (id,) in cursor.fetchall()]
        cursor.execute("DROP TABLE reconcile_stage, reconcile_joined")
    return {
        "told": told,
        "matched": matched,
        "differing": differing,
        "expired": expired,
        "repeated": staged - expired - told,
        "not_stored": told - matched,
        "not_stored_keys": not_stored,
        "not_told": stored - matched,
        "not_told_keys": not_told,
        "days_count": len(days),
        "days": [
            {"day": f"{day}", "told": int(a), "stored": int(b), "told_minor": int(c), "stored_minor": int(d)}
            for day, a, b, c, d in days[:SHOWN_DAYS]
        ],
    }


def _changed_columns(name: str, rows: int, profile: RunProfile) -> list[str]:
    """Columns whose checksum is not that of the last run, where that run read as many rows as there are now."""
    runs = SyncRun.objects.filter(source=name, status=SyncRun.Status.SUCCEEDED, rows_in__gt=0)
    last = runs.order_by("-started_at").first()
    if last is None or last.rows_in != rows:
        return []
    now = profile.columns_as_json()
    return [
        column
        for column, was in last.columns.items()
        if now.get(column, {}).get("checksum") != was["checksum"]
    ]
