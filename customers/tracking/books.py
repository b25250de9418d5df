"""The books of what comes over HTTP: one run a source and a day, beside those of imports on the data page."""

import json
from collections import Counter
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from common.prepared_statements import answers
from customers.models import SyncRun

_LOCK = 7216_0007
# The books may lose a second on a crash; waiting for the disk for every request would cost more than the events do.
_ADD = """
WITH lazily AS (SELECT set_config('synchronous_commit', 'off', true))
UPDATE customers_syncrun r SET rows_in = rows_in + %s, inserted = inserted + %s, duplicates = duplicates + %s,
  finished_at = %s, rejected = CASE WHEN %s = '{}' THEN r.rejected ELSE (
    SELECT jsonb_object_agg(reason, total) FROM (
      SELECT key AS reason, sum(value::bigint) AS total
      FROM (SELECT * FROM jsonb_each_text(r.rejected) UNION ALL SELECT * FROM jsonb_each_text(%s::jsonb)) counts
      GROUP BY key) sums) END
FROM lazily WHERE r.source = %s AND r.started_at = %s RETURNING 1
"""
# What is found first stands for the day; the page shows it as a warning.
_FIND = """
UPDATE customers_syncrun SET findings = findings || %s::jsonb
WHERE source = %s AND started_at = %s AND NOT findings @> %s::jsonb
"""


def enter(source: str, *, inserted: int, duplicates: int, rejected: Counter[str], at: datetime) -> None:
    """Add to the books of this source and day, opened by the first to come; one query."""
    day = _day(at)
    reasons = json.dumps(rejected)
    rows = inserted + duplicates + sum(rejected.values())
    values: list[Any] = [rows, inserted, duplicates, at, reasons, reasons, source, day]
    if not answers(_ADD, values):
        _open(source, day)
        answers(_ADD, values)


def note_names(source: str, *, example: str, at: datetime) -> None:
    """Have data health say that names of events got no number of their own today."""
    about = {"about": "event names", "level": "warn"}
    sentence = (
        f"Names of events were not kept as names of their own, such as {example[:100]!r}: more new ones came than a"
        " source may bring in a day, or all numbers are in use. They are kept as something else that was done, with"
        " the name beside. Add those that are the shop's under Event names."
    )
    values: list[Any] = [json.dumps([about | {"sentence": sentence}]), source, _day(at), json.dumps([about])]
    with connection.cursor() as cursor:
        cursor.execute(_FIND, values)


def _day(at: datetime) -> datetime:
    return at.replace(hour=0, minute=0, second=0, microsecond=0)


def _open(source: str, day: datetime) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        SyncRun.objects.get_or_create(
            source=source, started_at=day, defaults={"status": SyncRun.Status.SUCCEEDED}
        )
