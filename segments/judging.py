"""Several conditions judged for a chunk of customers at once, by one statement that is made once.

To put the statement together takes longer than to run it. It is made for a moment and ids that stand for those to
come, and kept; each judgement fills in its own.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from django.db import connection

from segments.compiler import verdicts
from segments.conditions import Condition, needs
from segments.event_names import stored_types
from segments.expressions import MOST_UNSEEN, IdList, id_list

_Types = tuple[tuple[str, frozenset[int]], ...]


class _Moment(datetime):
    """A moment that stands for another: what is reckoned from it is known by its class."""


_SOME_MOMENT = _Moment(2026, 1, 1, tzinfo=UTC)


def judge_each(
    conditions: Sequence[Condition], *, now: datetime, among: Sequence[int]
) -> Iterator[tuple[int, list[bool]]]:
    """Yield each known customer of `among`, and which of the conditions they fit, in their order.

    One query, and one before it where custom events are named.
    """
    needed = [needs(condition) for condition in conditions]
    types = stored_types({name for one in needed for name in one.event_names})
    # Which of two moments is earlier, that of the judgement or one that is named, is decided on making the statement.
    names_an_end = any(event.until is not None for one in needed for event in one.events)
    if names_an_end or len(among) > MOST_UNSEEN:
        yield from verdicts(conditions, now=now, among=among, types=types)
        return
    sql, stand_ins = _statement(tuple(conditions), tuple(sorted(types.items())))
    ids = id_list(among)
    with connection.cursor() as cursor:
        cursor.execute(sql, [_filled(one, now, ids) for one in stand_ins])
        yield from cursor.fetchall()


@lru_cache(maxsize=256)
def _statement(conditions: tuple[Condition, ...], types: _Types) -> tuple[str, tuple[Any, ...]]:
    found = verdicts(conditions, now=_SOME_MOMENT, among=[0], types=dict(types))
    sql, parameters = found.query.sql_with_params()
    return sql, tuple(parameters)


def _filled(stand_in: Any, now: datetime, ids: IdList) -> Any:
    if isinstance(stand_in, IdList):
        return ids
    return now + (stand_in - _SOME_MOMENT) if isinstance(stand_in, _Moment) else stand_in
