"""A time that runs out: no statement is begun after it, and one that is under way is cut off by the database."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction

_ALWAYS = ("SAVEPOINT", "RELEASE", "ROLLBACK")


class TooLate(Exception):
    """The time is up."""


class Budget:
    """So many seconds for statements. `until` may be moved while it is held."""

    def __init__(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds

    @property
    def left(self) -> float:
        """The seconds that are left; below zero when it is too late."""
        return self.until - time.monotonic()

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold all statements inside to the budget, in one transaction: TooLate and OperationalError come up."""
        with transaction.atomic(), connection.execute_wrapper(self._execute):
            yield
        if connection.in_atomic_block:
            connection.connection.execute("SET LOCAL statement_timeout TO DEFAULT")

    def _execute(
        self, execute: Callable[..., Any], sql: Any, params: Any, many: bool, context: dict[str, Any]
    ) -> Any:
        """Let the database end this statement when the time is up; ending transactions takes what it takes."""
        if not str(sql).startswith(_ALWAYS):
            milliseconds = int(self.left * 1000)
            if milliseconds < 1:
                raise TooLate
            database = context["connection"]
            with database.wrap_database_errors:
                database.connection.execute(f"SET LOCAL statement_timeout = {milliseconds}")
        return execute(sql, params, many, context)
