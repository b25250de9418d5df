"""File locks by which processes agree. The kernel drops them when their holder dies, however he dies."""

import fcntl
import os
from pathlib import Path
from types import TracebackType


class FileLock:
    """One open lock file. Held by this process (and what it forks) until `release` or its end."""

    def __init__(self, path: Path) -> None:
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)

    def shared(self) -> None:
        """Wait until nobody holds it alone, then hold it with others."""
        fcntl.flock(self._descriptor, fcntl.LOCK_SH)

    def alone(self) -> None:
        """Wait until nobody else holds it, then hold it alone."""
        fcntl.flock(self._descriptor, fcntl.LOCK_EX)

    def try_alone(self) -> bool:
        """Hold it alone if nobody else holds it; say whether that worked."""
        return self._try(fcntl.LOCK_EX)

    def try_shared(self) -> bool:
        """Hold it with others if nobody holds it alone; say whether that worked."""
        return self._try(fcntl.LOCK_SH)

    def release(self) -> None:
        """Let go and close; a second call does nothing."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _try(self, kind: int) -> bool:
        try:
            fcntl.flock(self._descriptor, kind | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def __enter__(self) -> "FileLock":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
