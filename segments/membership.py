"""Who is in a segment: stored, logged, and kept fresh by one statement a segment.

Locks are taken in one order: the lifecycle, segments by id, customers by id, news, rows of this app. Whoever waits
for a long refresh thus holds nothing that ingest writes.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import Any

from django.conf import settings
from django.db import connection, transaction
from django.db.models import QuerySet
from django.utils.module_loading import import_string

from common.clock import now as present
from customers.locating import locate
from customers.models import Customer, Touched
from customers.news import EVERYTHING, PROFILE, News
from segments import lifecycle
from segments.compiler import compile_condition
from segments.conditions import AllOf, Condition, InSegment, parse
from segments.fitting import fitting_ids
from segments.models import Lifecycle, ListedCustomer, Segment
from segments.nesting import LIFECYCLE, Graph, graph_of
from segments.references import tell_segment
from segments.whole_base import plan_for_everybody

logger = logging.getLogger(__name__)
CONSUMER = "segments"
_FIGURES = ("member_count", "refreshed_at", "refresh_ms")
_DEFINITION = ("key", "name", "description", "kind", "condition", "parent", "is_core", "as_of", "updated_at")

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
    INSERT INTO segments_membershipchange (segment_id, customer_id, kind, cause, is_news)
    SELECT %s, customer_id, 'left', %s, false FROM gone
    UNION ALL SELECT %s, customer_id, 'entered', %s, %s FROM come
    RETURNING kind
)
SELECT count(*) FILTER (WHERE kind = 'entered'), count(*) FILTER (WHERE kind = 'left') FROM logged
"""
_DAY = """
INSERT INTO segments_segmentday AS d (segment_id, day, members, entered, "left")
VALUES (%s, (statement_timestamp() AT TIME ZONE 'UTC')::date, %s, %s, %s)
ON CONFLICT (segment_id, day) DO UPDATE
SET members = EXCLUDED.members, entered = d.entered + EXCLUDED.entered, "left" = d."left" + EXCLUDED."left"
"""
_WAITING = """
SELECT t.customer_id, c.id IS NULL FROM customers_touched t LEFT JOIN customers_customer c ON c.id = t.customer_id
WHERE t.consumer = %s ORDER BY t.touched_at, t.id LIMIT %s
"""
# Ingest writes customers before news: to claim news first and then write customers would lock the other way round.
_HOLD = """
SELECT id, stage = '' AND NOT is_anonymous FROM customers_customer WHERE id = ANY(%s)
ORDER BY id FOR NO KEY UPDATE SKIP LOCKED
"""
_CLAIM = """
DELETE FROM customers_touched WHERE id IN (
    SELECT id FROM customers_touched WHERE consumer = %s AND customer_id = ANY(%s) FOR UPDATE SKIP LOCKED
) RETURNING customer_id, changed, touched_at
"""


@dataclass(frozen=True, slots=True)
class Change:
    """What a refresh did to one segment."""

    entered: int
    left: int


def refresh(segment: Segment, *, now: datetime | None = None, cause: str = "schedule") -> Change:
    """Judge every customer anew, after the stages and segments that this one is built on; return its own change.

    The segment's `as_of` wins over `now`, which wins over the clock. Judged is what is stored, each segment in
    a transaction of its own. Raises ConditionError, Segment.DoesNotExist, and nesting.CycleError.
    """
    graph = _stored_graph()
    change = Change(0, 0)
    for key in graph.order([segment.key]):
        if key == LIFECYCLE:
            lifecycle.judge_everybody(now=now, cause=cause)
        else:
            change = _refresh(segment if key == segment.key else graph.segments[key], now=now, cause=cause)
    return change


def store(segment: Segment) -> Change:
    """Save the segment's definition, tell what it is built on, and judge it and its dependants, all or nothing.

    Whether it is archived stays as it is stored. Raises ConditionError and nesting.CycleError.
    """
    with transaction.atomic():
        hold()
        segment.save(update_fields=None if segment._state.adding else _DEFINITION)
        tell_segment(segment)
        return refresh_with_dependants(segment, cause="edit")


def refresh_with_dependants(segment: Segment, *, cause: str) -> Change:
    """Refresh the segment, and then what is built on it."""
    change = refresh(segment, cause=cause)
    graph = _stored_graph()
    _refresh_keys(graph, graph.above(segment.key), cause=cause)
    return change


def refresh_lifecycle(*, cause: str) -> None:
    """Judge everybody's stage anew, after the segments that stages are built on, and then what is built on stages.

    Raises ConditionError and nesting.CycleError.
    """
    graph = _stored_graph()
    _refresh_keys(graph, [*graph.order([LIFECYCLE]), *graph.above(LIFECYCLE)], cause=cause)


def refresh_all(*, now: datetime | None = None, cause: str = "schedule") -> dict[str, Change]:
    """Judge everybody's stage, and for every segment, in the order of nesting; return the segments' changes by key.

    What cannot be judged is logged and left as it is; the others are not kept waiting for it.
    """
    graph = _stored_graph()
    return _refresh_patiently(graph, graph.order(on_circle=logger.error), now=now, cause=cause, is_all=True)


def refresh_timed(*, cause: str = "schedule") -> dict[str, Change]:
    """Do what `refresh_all` does, for those alone that time moves people in and out of, or that are built on such."""
    graph = _stored_graph()
    order = graph.order(on_circle=logger.error)
    readings = graph.readings(order)
    timed = [key for key in order if readings[key].is_timed]
    return _refresh_patiently(graph, timed, now=None, cause=cause, is_all=False)


def refresh_touched(limit: int = 1000) -> int:
    """Claim up to `limit` customers of whom there is news, judge only them, and return how many they were.

    They are judged only for what reads the sort of news there is, and then `settings.NEWS_LISTENERS` are told. All of
    it is one transaction: if it fails, the news stay. A segment that cannot be judged is logged, and gets its turn in
    `refresh_all`.
    """
    if not Touched.objects.filter(consumer=CONSUMER).exists():
        return 0
    with transaction.atomic():
        graph = hold()
        news = _claim(limit)
        locate(
            [id for id, one in news.items() if one.changed & PROFILE]
        )  # first, as segments go by the nearest store
        order = graph.order(on_circle=logger.error) if news else []
        readings = graph.readings(order)
        for key in order:
            touched = sorted(id for id, one in news.items() if one.changed & readings[key].bits)
            try:
                with transaction.atomic():
                    _judge(graph, key, touched)
            except Exception:
                logger.exception("%s was not refreshed", graph.nodes[key].name)
        for name in settings.NEWS_LISTENERS if news else ():
            import_string(name)(news)
    return len(news)


def hold() -> Graph:
    """Lock the lifecycle and all active segments until the transaction ends, in the order that everybody keeps."""
    list(Lifecycle.objects.select_for_update(no_key=True))
    locked = Segment.objects.active().select_for_update(no_key=True, of=("self",)).select_related("parent")
    return graph_of(locked.order_by("pk"))


def members(segment: Segment) -> QuerySet[Customer]:
    """Return the stored members."""
    return Customer.objects.filter(memberships__segment=segment)


def condition_of(segment: Segment) -> Condition:
    """Return the condition that is judged: that of a sub-segment asks for membership of its parent too.

    A static segment's is its parent's part alone. Raises ConditionError.
    """
    return within_parent(segment, AllOf(()) if segment.is_static else parse(segment.condition))


def within_parent(segment: Segment, condition: Condition) -> Condition:
    """Return the condition together with membership of the segment's parent, where it has one."""
    return condition if segment.parent is None else AllOf((InSegment(segment.parent.key), condition))


def fitting(segment: Segment, *, now: datetime, among: Sequence[int] | None = None) -> QuerySet[Any, Any]:
    """Return the ids of who fits the segment, or is on its list, at `now`; of `among` only, where ids are given."""
    condition, at = condition_of(segment), segment.as_of or now
    if not segment.is_static:
        return fitting_ids(condition, now=at, among=among)
    listed = ListedCustomer.objects.filter(segment=segment).values("customer_id")
    return compile_condition(condition, now=at, among=among).filter(pk__in=listed).order_by().values("pk")


def _stored_graph() -> Graph:
    return graph_of(Segment.objects.active().select_related("parent"))


def _refresh_keys(graph: Graph, keys: Sequence[str], *, cause: str) -> None:
    for key in keys:
        if key == LIFECYCLE:
            lifecycle.judge_everybody(cause=cause)
        else:
            _refresh(graph.segments[key], now=None, cause=cause)


def _refresh_patiently(
    graph: Graph, keys: Sequence[str], *, now: datetime | None, cause: str, is_all: bool
) -> dict[str, Change]:
    changes = {}
    for key in keys:
        try:
            if key == LIFECYCLE:
                lifecycle.judge_everybody(now=now, cause=cause, is_first_of_all=is_all)
            else:
                changes[key] = _refresh(graph.segments[key], now=now, cause=cause)
        except Exception:
            logger.exception("%s was not refreshed", graph.nodes[key].name)
    return changes


def _judge(graph: Graph, key: str, touched: Sequence[int]) -> None:
    if not touched:
        return
    if key == LIFECYCLE:
        lifecycle.judge(touched, cause="event")
    else:
        _rejudge(graph.segments[key], touched)


def _claim(limit: int) -> dict[int, News]:
    """Take news whose customers nobody else is writing, by customer.

    Who has no stage yet has never been judged: for them, everything did.
    """
    with connection.cursor() as cursor:
        cursor.execute(_WAITING, [CONSUMER, limit])
        waiting = dict(cursor.fetchall())
        cursor.execute(_HOLD, [sorted(waiting)])
        held = dict(cursor.fetchall())
        cursor.execute(_CLAIM, [CONSUMER, [*held, *(id for id, is_gone in waiting.items() if is_gone)]])
        return {
            id: News(EVERYTHING if held.get(id) else bits, since) for id, bits, since in cursor.fetchall()
        }


def _refresh(segment: Segment, *, now: datetime | None, cause: str) -> Change:
    """Judge by the condition as it is stored once the row is locked: `segment` may have been read long before."""
    with transaction.atomic():
        locked = Segment.objects.select_for_update(no_key=True, of=("self",)).select_related("parent")
        stored = locked.get(pk=segment.pk)
        started = monotonic()
        at = stored.as_of or now or present()
        change = _diff(stored, fitting(stored, now=at), cause=cause)
        stored.member_count = stored.memberships.count()
        stored.refreshed_at = at
        stored.refresh_ms = round((monotonic() - started) * 1000)
        stored.save(update_fields=_FIGURES)
        _note_day(stored, change)
    for name in _FIGURES:
        setattr(segment, name, getattr(stored, name))
    return change


def _rejudge(segment: Segment, touched: Sequence[int]) -> None:
    change = _diff(segment, fitting(segment, now=present(), among=touched), cause="event", among=touched)
    if change.entered or change.left:
        segment.member_count += change.entered - change.left
        segment.save(update_fields=["member_count"])
        _note_day(segment, change)


def _diff(
    segment: Segment, fitting: QuerySet[Any, Any], *, cause: str, among: Sequence[int] | None = None
) -> Change:
    fits, parameters = fitting.query.sql_with_params()
    scope = "" if among is None else "AND member.customer_id = ANY(%s)"
    statement = _DIFF.format(fits=fits, scope=scope)
    of_scope = [] if among is None else [list(among)]
    pk = segment.pk
    if among is None:
        plan_for_everybody()
    is_news = segment.is_trigger and cause != "edit"
    with connection.cursor() as cursor:
        cursor.execute(statement, [*parameters, pk, *of_scope, pk, pk, cause, pk, cause, is_news])
        entered, left = cursor.fetchone()
    return Change(entered=entered, left=left)


def _note_day(segment: Segment, change: Change) -> None:
    with connection.cursor() as cursor:
        cursor.execute(_DAY, [segment.pk, segment.member_count, change.entered, change.left])
