"""The one process that owns the servers of a `var` folder: `python -m common.services.supervisor VAR`.

It starts them, says `ready` or one sentence on its standard output, and ends them once nobody uses them.
"""

import argparse
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from common.services import postgres, valkey
from common.services.locks import FileLock
from common.services.places import Places, ServiceError, make_folders, places, remove_run_folder
from common.services.server import Server

LOOK_SECONDS = 0.2
READY = "ready"


def supervise(where: Places, *, durable: bool, report: Callable[[str], None]) -> int:
    """Keep the servers running while somebody holds the users' lock; return an exit code.

    Both locks go with this process and not before: who waits for them finds nothing of it left.
    """
    FileLock(where.locks / "supervisor").alone()
    users = FileLock(where.locks / "users")
    try:
        make_folders(where)
        _serve(where, durable=durable, ready=lambda: report(READY), unused=users.try_alone)
    except ServiceError as error:
        report(str(error))
        return 1
    return 0


def _serve(where: Places, *, durable: bool, ready: Callable[[], None], unused: Callable[[], bool]) -> None:
    starters: list[Callable[[], Server]] = [
        lambda: postgres.start(where, durable=durable),
        lambda: valkey.start(where),
    ]
    servers: list[Server] = []
    try:
        for starter in starters:
            servers.append(starter())
        ready()
        _keep(servers, starters, unused=unused)
    finally:
        for server in reversed(servers):
            server.stop()
        remove_run_folder(where)


def _keep(servers: list[Server], starters: list[Callable[[], Server]], *, unused: Callable[[], bool]) -> None:
    """Return when `unused` says so; a server that died meanwhile is started again."""
    while not unused():
        for number, server in enumerate(servers):
            if not server.running:
                servers[number] = starters[number]()
        time.sleep(LOOK_SECONDS)


def _report(line: str) -> None:
    """Tell the one who started us, who may be gone; the log keeps it anyway."""
    print(f"supervisor {os.getpid()}: {line}", file=sys.stderr, flush=True)
    try:
        print(line, flush=True)
    except BrokenPipeError:
        sys.stdout = sys.stderr


def main(arguments: list[str]) -> int:
    """Parse the command line and supervise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("var", type=Path)
    parser.add_argument("--throw-away", action="store_true", help="do not wait for the disk")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return supervise(places(options.var), durable=not options.throw_away, report=_report)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
