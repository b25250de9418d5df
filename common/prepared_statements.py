"""Statements that run for every request: parsed and planned once a connection, several of them in one round trip.

For statements whose best plan is the same whatever the values. Their texts must be constants, or a connection gathers
plans.
"""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, cast

from django.db import connection
from django.db.backends.postgresql.base import ServerBindingCursor
from django.db.backends.utils import CursorWrapper

Values = Sequence[Any] | Mapping[str, Any]


def answers(sql: str, values: Values) -> list[tuple[Any, ...]]:
    """Return the rows of one statement."""
    return answers_at_once((sql, values))[0]


def answers_at_once(*statements: tuple[str, Values]) -> list[list[tuple[Any, ...]]]:
    """Send statements together and return the rows of each, none for those that return none.

    Each sees what those before it have done. Where one fails, the others after it do nothing, and its error is raised.
    """
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    raw = connection.connection
    raw.prepare_threshold = 0
    is_logged = connection.queries_logged  # then they go one by one: the log has their texts and times
    cursors = []
    with connection.wrap_database_errors, nullcontext() if is_logged else raw.pipeline():
        for sql, values in statements:
            cursor = connection.cursor() if is_logged else _prepared_cursor()
            cursor.execute(sql, cast(Any, values))
            cursors.append(cursor)
    return [cursor.fetchall() if cursor.description else [] for cursor in cursors]


def as_array(values: Iterable[object]) -> str:
    """Return an array as PostgreSQL writes it, to be sent as one text: psycopg would adapt every element by itself.

    None is NULL; of anything but texts `str` must be what PostgreSQL reads, as it is of numbers and of times.
    """
    return "{" + ",".join(map(_element, values)) + "}"


def _element(value: object) -> str:
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace('"', '\\"')
        return f'"{escaped}"'
    return "NULL" if value is None else str(value)


def _prepared_cursor() -> CursorWrapper:
    return connection.make_cursor(cast(Any, ServerBindingCursor)(connection.connection))
