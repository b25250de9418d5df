"""The books of what comes over HTTP: one run a source and a day, beside those of imports on the data page."""

import json
from collections import Counter
from datetime import datetime
from typing import Any

from django.db import connection, transaction

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
FROM lazily WHERE r.source = %s AND r.started_at = %s
"""


def enter(source: str, *, inserted: int, duplicates: int, rejected: Counter[str], at: datetime) -> None:
    """Add to the books of this source and day, opened by the first to come; one query."""
    day = at.replace(hour=0, minute=0, second=0, microsecond=0)
    reasons = json.dumps(rejected)
    rows = inserted + duplicates + sum(rejected.values())
    values: list[Any] = [rows, inserted, duplicates, at, reasons, reasons, source, day]
    with connection.cursor() as cursor:
        cursor.execute(_ADD, values)
        if not cursor.rowcount:
            _open(source, day)
            cursor.execute(_ADD, values)


def _open(source: str, day: datetime) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        SyncRun.objects.get_or_create(
            source=source, started_at=day, defaults={"status": SyncRun.Status.SUCCEEDED}
        )
