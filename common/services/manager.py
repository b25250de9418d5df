"""The process manager: `python -m common.services.manager [--demo]` runs everything in the Procfile.

Servers start first and stop last; when one process ends, all end. Ctrl-C and SIGTERM stop everything in
order, and where this process is killed the others end by themselves.
"""

import argparse
import errno
import multiprocessing
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import honcho.manager
from honcho.environ import parse_procfile
from honcho.printer import Message
from honcho.process import Process

from common.services import bound
from common.services.lifeline import die_with_parent
from common.services.places import ServiceError, make_folders, places, var_folder
from common.services.session import ROOT, as_configured

HOST = "127.0.0.1"
STOPPED_BY_HAND = {130, 143}
BETWEEN_LOOKS_SECONDS = 0.25
honcho.manager.KILL_WAIT = 10


class BoundProcess(Process):  # type: ignore[misc]
    """Honcho's relay between us and a command; it dies with us, and the command (see `bound`) with it."""

    def run(self, events: Any = None, ignore_signals: bool = False) -> None:
        """Run the command and pass its output on."""
        parent = multiprocessing.parent_process()
        die_with_parent(signal.SIGKILL, parent_pid=parent.pid if parent else None)
        self.env[bound.PARENT] = str(os.getpid())
        super().run(events, ignore_signals)


class Manager(honcho.manager.Manager):  # type: ignore[misc]
    """Honcho's manager, which says when the site can be used."""

    def __init__(self, *, port: int, first_login: Path) -> None:
        super().__init__()
        self._process_ctor = BoundProcess
        self._port = port
        self._first_login = first_login

    def _start(self) -> None:
        super()._start()
        # A thread before the forks would be a thread in the middle of them.
        threading.Thread(target=self._announce, daemon=True).start()

    def _announce(self) -> None:
        address = f"http://{HOST}:{self._port}"
        while not _answers(f"{address}/healthz"):
            time.sleep(BETWEEN_LOOKS_SECONDS)
        login = _login_shown_once(self._first_login)
        for line in (f"Regards is at {address}", *login, "Ctrl-C stops everything; the data stay."):
            # Through the queue: the loop alone writes, so no two lines run into each other.
            self.events.put(
                Message(type="line", data=f"{line}\n", time=datetime.now(), name="system", colour=None)
            )

    def _killall(self, force: bool = False) -> None:
        for process in self._processes.values():
            if "pid" not in process:  # a Ctrl-C in the first moments: nothing of it runs yet
                process["pid"], process["returncode"] = 0, 0
        super()._killall(force)


def run(*, port: int, prepare: list[str]) -> int:
    """Run the management command `prepare`, then the Procfile until it is stopped; return an exit code."""
    _refuse_taken(port)
    var = var_folder(ROOT)
    make_folders(places(var))
    os.environ |= {
        "REGARDS_VAR": str(var),
        "PORT": str(port),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONUNBUFFERED": "1",
    }
    os.environ.setdefault("BASE_URL", f"http://{HOST}:{port}")
    with as_configured(ROOT):
        command = [sys.executable, "-m", "common.services.bound", sys.executable, "manage.py", *prepare]
        environment = os.environ | {bound.PARENT: str(os.getpid())}
        prepared = subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode  # noqa: S603
        if prepared:
            return prepared
        processes = parse_procfile((ROOT / "Procfile").read_text()).processes
        return _run_processes(Manager(port=port, first_login=var / "first-login"), processes)


def _run_processes(manager: Manager, processes: Mapping[str, str]) -> int:
    for name, command in processes.items():
        manager.add_process(name, command, cwd=str(ROOT))
    manager.loop()
    return 0 if manager.returncode in STOPPED_BY_HAND else manager.returncode or 1


def _refuse_taken(port: int) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            reason = "taken by another program" if error.errno == errno.EADDRINUSE else f"not free ({error})"
            raise ServiceError(
                f"Port {port} on {HOST} is {reason}: stop that, or choose another port: `make run PORT=8010`."
            ) from error


def _answers(address: str) -> bool:
    ourselves = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with ourselves.open(address, timeout=5) as answer:
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def _login_shown_once(first_login: Path) -> list[str]:
    if not first_login.exists():
        return ["Log in as before; `.venv/bin/python manage.py changepassword NAME` sets a new password."]
    lines = first_login.read_text().splitlines()
    first_login.unlink()
    return [*lines, "This password is shown once."]


def main(arguments: list[str]) -> int:
    """Parse the command line and run; what cannot run is one sentence and exit code 2."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--demo", action="store_true", help="prepare the demo shop first")
    parser.add_argument("--port", type=int, default=8000, choices=range(1, 65536), metavar="PORT")
    options = parser.parse_args(arguments)
    multiprocessing.set_start_method("fork", force=True)  # the relays have to be our own children
    try:
        return run(port=options.port, prepare=["demo"] if options.demo else ["prepare"])
    except ServiceError as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Stopped before everything ran; the data stay.", file=sys.stderr)
        return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
