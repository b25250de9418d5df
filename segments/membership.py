"""Who is in a segment: stored, logged, and kept fresh by one statement a segment."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic

from django.db import connection, transaction
from django.db.models import QuerySet

from common.clock import now as present
from customers.models import Customer
from segments.compiler import compile_condition
from segments.conditions import parse
from segments.models import Segment
from segments.nesting import built_on, dependants, in_order

logger = logging.getLogger(__name__)
CONSUMER = "segments"
_FIGURES = ("member_count", "refreshed_at", "refresh_ms")

# `scope` is what may be removed: everybody, or only the customers who were judged again.
_DIFF = """
WITH fits (id) AS MATERIALIZED ({fits}),
gone AS (
    DELETE FROM segments_segmentmembership member
    WHERE member.segment_id = %s {scope} AND NOT EXISTS (SELECT FROM fits WHERE fits.id = member.customer_id)
    RETURNING member.customer_id
),
come AS (
    INSERT INTO segments_segmentmembership (segment_id, customer_id, entered_at)
    SELECT %s, fits.id, statement_timestamp() FROM fits ORDER BY fits.id
    ON CONFLICT (segment_id, customer_id) DO NOTHING
    RETURNING customer_id
),
logged AS (
    INSERT INTO segments_membershipchange (segment_id, customer_id, kind, cause)
    SELECT %s, customer_id, 'left', %s FROM gone
    UNION ALL SELECT %s, customer_id, 'entered', %s FROM come
    RETURNING kind
)
SELECT count(*) FILTER (WHERE kind = 'entered'), count(*) FILTER (WHERE kind = 'left') FROM logged
"""
_CLAIM = """
DELETE FROM customers_touched WHERE id IN (
    SELECT id FROM customers_touched WHERE consumer = %s ORDER BY touched_at, id LIMIT %s
    FOR UPDATE SKIP LOCKED
) RETURNING customer_id
"""


@dataclass(frozen=True, slots=True)
class Change:
    """What a refresh did to one segment."""

    entered: int
    left: int


def refresh(segment: Segment, *, now: datetime | None = None, cause: str = "schedule") -> Change:
    """Judge every customer anew, after the segments that this one is built on; return its own change.

    The segment's `as_of` wins over `now`, which wins over the clock. Judged is what is stored, each segment in
    a transaction of its own. Raises ConditionError, Segment.DoesNotExist, and nesting.CycleError.
    """
    for below in built_on(segment):
        _refresh(below, now=now, cause=cause)
    return _refresh(segment, now=now, cause=cause)


def refresh_with_dependants(segment: Segment, *, cause: str) -> Change:
    """Refresh the segment, and then those that are built on it."""
    change = refresh(segment, cause=cause)
    for above in dependants(segment):
        _refresh(above, now=None, cause=cause)
    return change


def refresh_all(*, now: datetime | None = None, cause: str = "schedule") -> dict[str, Change]:
    """Refresh every segment in the order of nesting; return the changes by key.

    A segment that cannot be refreshed is logged and left as it is; the others are not kept waiting for it.
    """
    changes = {}
    for segment in in_order(Segment.objects.all(), on_circle=logger.error):
        try:
            changes[segment.key] = _refresh(segment, now=now, cause=cause)
        except Exception:
            logger.exception("segment %s was not refreshed", segment.key)
    return changes


def refresh_touched(limit: int = 1000) -> int:
    """Claim up to `limit` customers of whom there is news, judge only them, and return how many they were.

    Claim and judgement are one transaction: if it fails, the news stay. A segment that cannot be judged is
    logged, and gets its turn in `refresh_all`.
    """
    with transaction.atomic():
        # Segments first: whoever waits for a long refresh must not hold the rows that ingest writes.
        locked = Segment.objects.select_for_update(no_key=True).order_by("pk")
        segments = in_order(locked, on_circle=logger.error)
        with connection.cursor() as cursor:
            cursor.execute(_CLAIM, [CONSUMER, limit])
            touched = sorted(row[0] for row in cursor.fetchall())
        for segment in segments if touched else ():
            try:
                with transaction.atomic():
                    _rejudge(segment, touched)
            except Exception:
                logger.exception("segment %s was not refreshed", segment.key)
    return len(touched)


def members(segment: Segment) -> QuerySet[Customer]:
    """Return the stored members."""
    return Customer.objects.filter(memberships__segment=segment)


def _refresh(segment: Segment, *, now: datetime | None, cause: str) -> Change:
    """Judge by the condition as it is stored once the row is locked: `segment` may have been read long before."""
    with transaction.atomic():
        stored = Segment.objects.select_for_update(no_key=True).get(pk=segment.pk)
        started = monotonic()
        at = stored.as_of or now or present()
        change = _diff(stored, compile_condition(parse(stored.condition), now=at), cause=cause)
        stored.member_count = stored.memberships.count()
        stored.refreshed_at = at
        stored.refresh_ms = round((monotonic() - started) * 1000)
        stored.save(update_fields=_FIGURES)
    for name in _FIGURES:
        setattr(segment, name, getattr(stored, name))
    return change


def _rejudge(segment: Segment, touched: Sequence[int]) -> None:
    fitting = compile_condition(parse(segment.condition), now=segment.as_of or present(), among=touched)
    change = _diff(segment, fitting, cause="event", among=touched)
    if change.entered or change.left:
        segment.member_count += change.entered - change.left
        segment.save(update_fields=["member_count"])


def _diff(
    segment: Segment, fitting: QuerySet[Customer], *, cause: str, among: Sequence[int] | None = None
) -> Change:
    fits, parameters = fitting.order_by().values("pk").query.sql_with_params()
    scope = "" if among is None else "AND member.customer_id = ANY(%s)"
    statement = _DIFF.format(fits=fits, scope=scope)
    of_scope = [] if among is None else [list(among)]
    pk = segment.pk
    with connection.cursor() as cursor:
        # Sets of customers are hashed in memory; over the default of 4 MB they would be searched in turn.
        cursor.execute("SET LOCAL work_mem = '64MB'")
        cursor.execute(statement, [*parameters, pk, *of_scope, pk, pk, cause, pk, cause])
        entered, left = cursor.fetchone()
    return Change(entered=entered, left=left)
