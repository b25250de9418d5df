"""What the two servers have in common: a process, a log, a wait until it answers."""

import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common.services.places import ServiceError

START_SECONDS = 120.0  # a crash recovery of a large cluster takes its time
STOP_SECONDS = 30.0
POLL_SECONDS = 0.02
LOG_BYTES = 10_000_000


class Server:
    """A running server process of ours."""

    def __init__(self, process: subprocess.Popen[bytes], *, name: str, stop_signal: signal.Signals) -> None:
        self.process = process
        self.name = name
        self.stop_signal = stop_signal

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self.process.poll() is None

    def stop(self) -> None:
        """Ask it to end, and end it by force if it does not within half a minute."""
        if self.running:
            self.process.send_signal(self.stop_signal)
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def launch(
    command: list[str | Path],
    *,
    name: str,
    log: Path,
    stop_signal: signal.Signals,
    ready: Callable[[subprocess.Popen[bytes]], bool],
    explain: Callable[[str], str],
    options: dict[str, Any],
) -> Server:
    """Start a server and return it once `ready` says so.

    Raises ServiceError with the sentence that `explain` makes of what the server wrote, if it ends before.
    """
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    with log.open("ab") as output:
        written_before = output.tell()
        process = subprocess.Popen(  # noqa: S603
            [os.fspath(part) for part in command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            **options,
        )
    server = Server(process, name=name, stop_signal=stop_signal)
    deadline = time.monotonic() + START_SECONDS
    while not ready(process):
        if not server.running or time.monotonic() > deadline:
            server.stop()
            raise ServiceError(explain(log.read_bytes()[written_before:].decode(errors="replace")))
        time.sleep(POLL_SECONDS)
    return server
