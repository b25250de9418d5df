"""Partitions of the event table, made before rows need them.

A month each for the last 36 months and the future, a year each before: many small partitions make planning
slow, and old events are read rarely. There is no default partition.
"""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import connection, transaction

from common.clock import now
from common.prepared_statements import answers

MONTHLY_FOR_MONTHS = 36
_NAME = re.compile(r"customers_event_(\d{8})_(\d{8})$")
_LOCK = 7216_0001
ASKED = (
    "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid"
    " WHERE i.inhparent = 'customers_event'::regclass"
)
"""The statement that names the partitions; `spans_in` reads its rows."""


class Span(NamedTuple):
    """A half-open stretch of time, `[start, end)`, in UTC."""

    start: datetime
    end: datetime

    @property
    def table(self) -> str:
        """The name of the partition that holds it."""
        return f"customers_event_{self.start:%Y%m%d}_{self.end:%Y%m%d}"


def ensure_partitions(first: datetime, last: datetime, *, existing: list[Span] | None = None) -> list[str]:
    """Make what partitions are missing for events from `first` to `last`, both included; return their names.

    Safe beside other writers: makers take turns, and attaching a partition does not wait for inserts.
    One query when nothing is missing, none where the caller has just asked what is `existing`.
    """
    if not _missing(first, last, existing_spans() if existing is None else existing):
        return []
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        missing = _missing(first, last, existing_spans())
        for span in missing:
            _create(span)
    return [span.table for span in missing]


def existing_spans() -> list[Span]:
    """Return the stretches of time that have a partition, earliest first."""
    return spans_in(answers(ASKED, []))


def spans_in(rows: Iterable[tuple[Any, ...]]) -> list[Span]:
    """Return the same of what `ASKED` has answered."""
    return sorted(span for (name,) in rows if (span := _span_named(name)))


@lru_cache(maxsize=1000)
def _span_named(name: str) -> Span | None:
    match = _NAME.match(name)
    if match is None:
        return None
    return Span(*(datetime.strptime(day, "%Y%m%d").replace(tzinfo=UTC) for day in match.groups()))


def _missing(first: datetime, last: datetime, existing: list[Span]) -> list[Span]:
    """Walk from `first` to `last` and name the gaps, each clipped so that it overlaps no neighbour."""
    missing: list[Span] = []
    at = first.astimezone(UTC)
    while at <= last:
        covering = next((span for span in existing if span.start <= at < span.end), None)
        if covering is None:
            covering = _clipped(_natural_span(at), at, existing)
            missing.append(covering)
        at = covering.end
    return missing


def _natural_span(at: datetime) -> Span:
    """The month or the year that `at` belongs to, were there no other partitions."""
    cutoff = _month_start(now(), -MONTHLY_FOR_MONTHS)
    if at >= cutoff:
        return Span(_month_start(at), _month_start(at, 1))
    start = datetime(at.year, 1, 1, tzinfo=UTC)
    return Span(start, min(start.replace(year=at.year + 1), cutoff))


def _clipped(span: Span, at: datetime, existing: list[Span]) -> Span:
    start = max([span.start, *(other.end for other in existing if other.end <= at)])
    end = min([span.end, *(other.start for other in existing if other.start > at)])
    return Span(start, end)


def _month_start(at: datetime, offset: int = 0) -> datetime:
    months = at.year * 12 + at.month - 1 + offset
    return datetime(months // 12, months % 12 + 1, 1, tzinfo=UTC)


def _create(span: Span) -> None:
    """Create aside and attach: `CREATE … PARTITION OF` would wait for every running insert.

    Insert-only tables are vacuumed by the insert thresholds; without vacuum, index-only scans read the heap.
    """
    bounds = [span.start.isoformat(), span.end.isoformat()]
    with connection.cursor() as cursor:
        cursor.execute(
            f"CREATE TABLE {span.table} (LIKE customers_event INCLUDING DEFAULTS) WITH ("
            "autovacuum_vacuum_insert_threshold = 20000, autovacuum_vacuum_insert_scale_factor = 0.02,"
            "autovacuum_analyze_scale_factor = 0.05)"
        )
        cursor.execute(
            f"ALTER TABLE customers_event ATTACH PARTITION {span.table} FOR VALUES FROM (%s) TO (%s)", bounds
        )
