"""Connections that this process keeps open between batches; each is used by one thread at a time."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Generic, Protocol, TypeVar

STALE_AFTER_SECONDS = 120.0
"""Servers close what is idle for longer; it is not worth asking."""


class Closable(Protocol):
    """Something that can be closed."""

    def close(self) -> object:
        """Close it."""


C = TypeVar("C", bound=Closable)


@dataclass(slots=True)
class Kept(Generic[C]):
    """Idle connections of one kind, newest last. `make` opens one more and says by exception why it cannot."""

    make: Callable[[], C]
    stale_after: float = STALE_AFTER_SECONDS
    idle: list[tuple[C, float]] = field(default_factory=list)

    @contextmanager
    def one(self) -> Iterator[C]:
        """Lend an idle connection, or a new one. Whatever is raised inside closes it."""
        connection = self._take() or self.make()
        try:
            yield connection
        except BaseException:
            _close(connection)
            raise
        self.idle.append((connection, time.monotonic()))

    def _take(self) -> C | None:
        while self.idle:
            try:
                connection, since = self.idle.pop()
            except IndexError:  # another thread was faster
                return None
            if time.monotonic() - since < self.stale_after:
                return connection
            _close(connection)
        return None


def _close(connection: Closable) -> None:
    with suppress(Exception):  # it is given up anyway
        connection.close()
