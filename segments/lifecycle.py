"""Everybody's stage: judged by one statement for all, or for some, each move logged."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from time import monotonic
from typing import Any

from django.db import connection, transaction
from django.db.models import F

from common.clock import now as present
from customers.news import EVERYTHING
from customers.profiles import touch
from segments.conditions import parse
from segments.fitting import fitting_ids
from segments.models import Lifecycle, LifecycleStage
from segments.whole_base import plan_for_everybody

MOST_TOUCHED = 10_000
# Of the stages whose condition they fit the first counts; visitors, and profiles merged into others, have none.
_JUDGED = """
WITH found AS MATERIALIZED (
    SELECT id, min(place) AS place FROM ({fits}) AS every (id, place) GROUP BY id
),
judged AS (
    SELECT c.id, c.stage AS was,
        CASE WHEN c.is_anonymous THEN '' ELSE coalesce((%s::text[])[found.place], %s) END AS becomes
    FROM customers_customer c LEFT JOIN found USING (id) {scope}
)
"""
_MOVE = """,
moved AS MATERIALIZED (
    SELECT c.id, judged.was, judged.becomes FROM judged JOIN customers_customer c ON c.id = judged.id
    WHERE c.stage <> judged.becomes ORDER BY c.id FOR NO KEY UPDATE OF c
),
stored AS (
    UPDATE customers_customer c SET stage = moved.becomes, stage_since = statement_timestamp()
    FROM moved WHERE c.id = moved.id
),
logged AS (
    INSERT INTO segments_stagechange (customer_id, from_stage, to_stage, cause, changed_at, claimed_at)
    SELECT id, was, becomes, %s, statement_timestamp(), CASE WHEN %s THEN statement_timestamp() END
    FROM moved WHERE becomes <> '' ORDER BY id
)
SELECT was, becomes, count(*), CASE WHEN was = '' THEN array_agg(id) ELSE '{}' END FROM moved GROUP BY was, becomes
"""
_COUNT = " SELECT was, becomes, count(*) FROM judged WHERE becomes <> '' GROUP BY was, becomes"


@dataclass(frozen=True, slots=True)
class Moves:
    """How many went from which stage to which, and the ids of those who had none before."""

    counts: dict[tuple[str, str], int]
    fresh: list[int] = field(default_factory=list)


def judge_everybody(*, now: datetime | None = None, cause: str, is_first_of_all: bool = False) -> Moves:
    """Put every customer into the first stage that fits; in a transaction of its own. Raises ConditionError.

    The lifecycle's `as_of` wins over `now`, which wins over the clock. Who had no stage is new: they are judged for
    every segment soon, unless they are many and all segments are judged next (`is_first_of_all`).
    """
    with transaction.atomic():
        row = _held()
        stages = list(LifecycleStage.objects.all())
        started = monotonic()
        at = row.as_of or now or present()
        moves = _move(stages, at=at, among=None, cause=cause)
        if len(moves.fresh) <= MOST_TOUCHED or not is_first_of_all:
            touch(moves.fresh, changed=EVERYTHING)
        _recount(stages)
        row.refreshed_at, row.refresh_ms = at, round((monotonic() - started) * 1000)
        row.save(update_fields=["refreshed_at", "refresh_ms"])
    return moves


def judge(customer_ids: Sequence[int], *, cause: str) -> Moves:
    """Put these customers into the first stage that fits; the lifecycle's row and theirs are locked already."""
    stages = list(LifecycleStage.objects.all())
    at = Lifecycle.objects.values_list("as_of", flat=True).first() or present()
    moves = _move(stages, at=at, among=customer_ids, cause=cause)
    deltas: Counter[str] = Counter()
    for (was, becomes), count in moves.counts.items():
        deltas[becomes] += count
        deltas[was] -= count
    for stage in stages:
        if deltas[stage.key]:
            LifecycleStage.objects.filter(pk=stage.pk).update(
                member_count=F("member_count") + deltas[stage.key]
            )
    return moves


def distribution(
    stages: Iterable[LifecycleStage], *, now: datetime, among: Sequence[int] | None = None
) -> dict[tuple[str, str], int]:
    """Return how many would go from which stage to which, by these stages; nothing is stored. One query."""
    sql, parameters = _judged(list(stages), at=now, among=among)
    with connection.cursor() as cursor:
        cursor.execute(sql + _COUNT, parameters)
        return {(was, becomes): count for was, becomes, count in cursor.fetchall()}


def _held() -> Lifecycle:
    Lifecycle.objects.get_or_create(pk=Lifecycle.ONLY)
    return Lifecycle.objects.select_for_update(no_key=True).get()


def _judged(
    stages: Sequence[LifecycleStage], *, at: datetime, among: Sequence[int] | None
) -> tuple[str, list[Any]]:
    """The common part of the statements, and its parameters. `stages` are in order, the rest last."""
    selects: list[str] = []
    parameters: list[Any] = []
    for place, stage in enumerate(stages, start=1):
        if stage.condition is not None:
            fitting = fitting_ids(parse(stage.condition), now=at, among=among)
            sql, values = fitting.query.sql_with_params()
            selects.append(f"SELECT f.id, {place} FROM ({sql}) AS f (id)")  # noqa: S608 - compiled, values apart
            parameters += values
    scope = "" if among is None else "WHERE c.id = ANY(%s)"
    fits = " UNION ALL ".join(selects) or "SELECT NULL::bigint, NULL::int WHERE false"
    keys = [stage.key for stage in stages]
    parameters += [keys, keys[-1], *([] if among is None else [list(among)])]
    return _JUDGED.format(fits=fits, scope=scope), parameters


def _move(
    stages: Sequence[LifecycleStage], *, at: datetime, among: Sequence[int] | None, cause: str
) -> Moves:
    if not stages:
        return Moves({})
    sql, parameters = _judged(stages, at=at, among=among)
    if among is None:
        plan_for_everybody()
    with connection.cursor() as cursor:
        cursor.execute(sql + _MOVE, [*parameters, cause, cause == "edit"])
        rows = cursor.fetchall()
    return Moves(
        {(was, becomes): count for was, becomes, count, _ in rows},
        sorted(id for row in rows for id in row[3]),
    )


def _recount(stages: Sequence[LifecycleStage]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE segments_lifecyclestage s SET member_count = coalesce(n.count, 0)"
            " FROM (SELECT key, count FROM unnest(%s::text[]) AS key LEFT JOIN (SELECT stage, count(*) AS count"
            " FROM customers_customer WHERE NOT is_anonymous GROUP BY stage) c ON c.stage = key) n"
            " WHERE n.key = s.key",
            [[stage.key for stage in stages]],
        )
