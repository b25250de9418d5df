"""The site for a moment: on a port of its own while the demo is prepared, before the real one is up."""

import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from django.conf import settings

LONGEST_START_SECONDS = 60


@contextmanager
def served() -> Iterator[str]:
    """Run the site on a free port of 127.0.0.1 and yield its address; it ends with the block.

    Raises RuntimeError where it does not answer within a minute.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "common.services.bound", sys.executable, "-m", "granian"]
    options = ["--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--log-level", "error"]
    site = subprocess.Popen(  # noqa: S603
        [*command, *options, "config.wsgi:application"], cwd=settings.BASE_DIR, stdout=subprocess.DEVNULL
    )
    try:
        address = f"http://127.0.0.1:{port}"
        _wait_for(address)
        yield address
    finally:
        site.terminate()
        site.wait(timeout=30)


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + LONGEST_START_SECONDS
    while time.monotonic() < deadline:
        try:
            if httpx.get(f"{address}/healthz").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise RuntimeError(f"The site did not answer at {address} within {LONGEST_START_SECONDS} s.")
