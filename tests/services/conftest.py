"""Programs that use embedded servers, and what became of their processes."""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from common.services import places, started

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_SECONDS = 60
HOLD = """
import sys
from pathlib import Path
from common.services import ServiceError, started
try:
    with started(Path(sys.argv[1]), durable=False):
        print("up", flush=True)
        sys.stdin.read()
except ServiceError as error:
    print(error, flush=True)
"""


class Program:
    """A process of its own that holds the servers of `var` until its input ends."""

    def __init__(self, var: Path, *, wrapper: Sequence[str] = ()) -> None:
        command = [*wrapper, sys.executable, "-c", HOLD, str(var)]
        self.process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self.said = self.process.stdout.readline().strip()

    def end(self) -> None:
        self.process.communicate(timeout=PATIENCE_SECONDS)

    def kill(self) -> None:
        self.process.kill()
        self.end()


def processes_of(var: Path) -> dict[int, str]:
    """The processes that name `var` on their command line, the programs above apart: pid and program."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            arguments = (folder / "cmdline").read_bytes().decode().split("\0")
        except OSError:
            continue
        names_it = any(argument.removesuffix("/postgres") == str(var) for argument in arguments)
        if (names_it and "-c" not in arguments) or (
            "valkey-server" in arguments[0] and _works_in(folder, var)
        ):
            found[int(folder.name)] = Path(arguments[0].split()[0]).name
    return found


def _works_in(folder: Path, var: Path) -> bool:
    try:
        return (folder / "cwd").readlink().is_relative_to(var)
    except OSError:
        return False


def eventually(condition: Callable[[], bool]) -> bool:
    """Ask again and again, for a minute at most, and say whether it came true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def wait_for_the_end_of(pids: dict[int, str]) -> None:
    """Wait until none of the processes is left."""
    for pid in pids:
        try:
            handle = os.pidfd_open(pid)
        except ProcessLookupError:
            continue
        try:
            assert select.select([handle], [], [], PATIENCE_SECONDS)[0], f"{pids[pid]} is still there"
        finally:
            os.close(handle)


@pytest.fixture
def var() -> Iterator[Path]:
    """An empty folder for data, with a short path that everybody may enter."""
    folder = Path(tempfile.mkdtemp(prefix="regards-services-", dir="/tmp"))
    yield folder / "var"
    for pid in processes_of(folder / "var"):
        os.kill(pid, signal.SIGKILL)
    shutil.rmtree(places.places(folder / "var").run, ignore_errors=True)
    shutil.rmtree(folder)


@pytest.fixture
def program() -> Iterator[Callable[..., Program]]:
    """Start programs; what is left of them is killed afterwards."""
    programs: list[Program] = []

    def start(var: Path, *, wrapper: Sequence[str] = ()) -> Program:
        programs.append(Program(var, wrapper=wrapper))
        return programs[-1]

    yield start
    for one in programs:
        if one.process.poll() is None:
            one.end()


@pytest.fixture(scope="session")
def cluster_once(tmp_path_factory) -> Path:
    """The data of servers that ran and stopped."""
    var = tmp_path_factory.mktemp("cluster") / "var"
    with started(var, durable=False):
        pass
    return var


@pytest.fixture
def used(var, cluster_once) -> Path:
    """A copy of such data, to break."""
    shutil.copytree(cluster_once, var)
    return var
