"""Using the servers: start what is not running, share what is, let go at the end."""

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from common.services.locks import FileLock
from common.services.places import (
    Places,
    ServiceError,
    ServiceUrls,
    is_embedded,
    make_folders,
    places,
    urls,
    var_folder,
)
from common.services.supervisor import LOOK_SECONDS, READY

ROOT = Path(__file__).resolve().parents[2]
STOP_SECONDS = 70.0
TAKEN_OVER_SECONDS = 2.0


@contextmanager
def started(var: Path, *, durable: bool = True) -> Iterator[ServiceUrls]:
    """Have PostgreSQL and Valkey with their data in `var` for the length of the block.

    Servers that another process of the same `var` started are used, and go on after the block if that process
    (or a third) still needs them; otherwise the block ends when they have stopped. `durable=False` is for
    data that may be lost, and matters only to the one who starts. Raises ServiceError with a sentence for
    people.
    """
    where = places(var)
    make_folders(where)
    with FileLock(where.locks / "users") as users:
        users.shared()
        with FileLock(where.locks / "start") as turn:
            turn.alone()
            if not _is_supervised(where):
                _start_supervisor(where, durable=durable)
        yield urls(var)
    _wait_until_stopped(where)


def as_configured(root: Path) -> AbstractContextManager[ServiceUrls | None]:
    """Have the servers that the checkout at `root` is configured for: ours, or (None) others."""
    return started(var_folder(root)) if is_embedded(root) else nullcontext()


def _is_supervised(where: Places) -> bool:
    with FileLock(where.locks / "supervisor") as supervisor:
        return not supervisor.try_alone()


def _start_supervisor(where: Places, *, durable: bool) -> None:
    command = [sys.executable, "-m", "common.services.supervisor", str(where.var)]
    with (where.logs / "supervisor.log").open("ab") as log:
        process = subprocess.Popen(  # noqa: S603
            command + ([] if durable else ["--throw-away"]),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=log,
            start_new_session=True,
            text=True,
        )
    assert process.stdout is not None
    with process.stdout:
        answer = process.stdout.readline().strip()
    if answer != READY:
        process.wait()
        raise ServiceError(
            answer or f"The supervisor of {where.var} died; see {where.logs / 'supervisor.log'}."
        )
    # It outlives this process when others use the servers; nobody waits for it as a child.
    process.returncode = 0


def _wait_until_stopped(where: Places) -> None:
    """Wait for the servers to end, unless somebody else uses them."""
    begin = time.monotonic()
    while _is_supervised(where) and time.monotonic() < begin + STOP_SECONDS:
        with FileLock(where.locks / "users") as users:
            if time.monotonic() > begin + TAKEN_OVER_SECONDS and users.try_shared():
                return
        time.sleep(LOOK_SECONDS / 4)
