"""PostgreSQL refuses to run as root: how root starts it all the same.

In a user namespace of its own root's files stay root's, no user is needed and no mode changes. Where
namespaces are blocked the server runs as `nobody`.
"""

import ctypes
import enum
import os
import pwd
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from common.services.lifeline import LIBC, bind_to_parent
from common.services.places import ServiceError

CLONE_NEWUSER = 0x10000000
INSIDE_UID = 1000  # any number but 0


class Privileges(enum.Enum):
    """Who the PostgreSQL processes are."""

    OWN = "the user who started us"
    NAMESPACE = "root, seen from inside as somebody else"
    NOBODY = "the user nobody"


def choose(data: Path) -> Privileges:
    """Return how the server of the cluster `data` has to run for the present user."""
    if os.geteuid() != 0:
        return Privileges.OWN
    if data.exists() and data.stat().st_uid == _nobody().pw_uid:
        return Privileges.NOBODY
    return Privileges.NAMESPACE if _namespace_works() else Privileges.NOBODY


def popen_options(privileges: Privileges, *, death_signal: signal.Signals | None) -> dict[str, Any]:
    """Return what `subprocess` needs so that the child runs with `privileges` and, if asked, dies with us."""
    options: dict[str, Any] = {}
    if privileges is Privileges.NOBODY:
        nobody = _nobody()
        options = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
    options["preexec_fn"] = _before_exec(privileges, parent_pid=os.getpid(), death_signal=death_signal)
    return options


def readable_binaries(binaries: Path, *, copy_to: Path, privileges: Privileges) -> Path:
    """Return the binaries' folder, copied to `copy_to` where `nobody` cannot run them in place.

    Raises ServiceError where `nobody` cannot run the copy either, or cannot be become.
    """
    if privileges is not Privileges.NOBODY:
        return binaries
    open_path(copy_to.parent)
    if not all(folder.stat().st_mode & 0o001 for folder in copy_to.parents):
        raise _blocked(copy_to.parent)
    if _runs(binaries):
        return binaries
    if not (copy_to / "bin").exists():
        draft = copy_to.with_name(copy_to.name + ".new")
        shutil.rmtree(draft, ignore_errors=True)
        shutil.copytree(binaries.parent, draft, symlinks=True, ignore=shutil.ignore_patterns("include"))
        draft.rename(copy_to)
    if not _runs(copy_to / "bin"):
        raise _blocked(copy_to)
    return copy_to / "bin"


def give_to_server(folder: Path, privileges: Privileges) -> None:
    """Make `folder` and all in it the server's own."""
    if privileges is not Privileges.NOBODY:
        return
    nobody = _nobody()
    for path in (folder, *folder.rglob("*")):
        os.chown(path, nobody.pw_uid, nobody.pw_gid, follow_symlinks=False)


def open_path(folder: Path) -> None:
    """Let other users pass through `folder`, without seeing what is in it."""
    folder.chmod(folder.stat().st_mode | 0o011)


def _blocked(folder: Path) -> ServiceError:
    return ServiceError(
        "PostgreSQL does not run as root, this system allows root no user namespace, and the user nobody cannot "
        f"enter {folder}: start as an ordinary user, or set REGARDS_VAR to a folder that all users may enter."
    )


def _nobody() -> pwd.struct_passwd:
    return pwd.getpwnam("nobody")


def _runs(binaries: Path) -> bool:
    try:
        done = subprocess.run(  # noqa: S603
            [binaries / "postgres", "--version"],
            capture_output=True,
            check=False,
            cwd="/",
            **popen_options(Privileges.NOBODY, death_signal=None),
        )
    except (OSError, subprocess.SubprocessError):
        return False
    return done.returncode == 0


def _before_exec(
    privileges: Privileges, *, parent_pid: int, death_signal: signal.Signals | None
) -> Callable[[], None]:
    def prepare() -> None:
        if privileges is Privileges.NAMESPACE:
            _enter_namespace()
        if death_signal is not None:
            bind_to_parent(parent_pid, death_signal)

    return prepare


def _enter_namespace() -> None:
    uid, gid = os.geteuid(), os.getegid()
    if LIBC is None or LIBC.unshare(CLONE_NEWUSER):
        raise OSError(ctypes.get_errno(), "unshare")
    Path("/proc/self/setgroups").write_text("deny")
    Path("/proc/self/uid_map").write_text(f"{INSIDE_UID} {uid} 1")
    Path("/proc/self/gid_map").write_text(f"{INSIDE_UID} {gid} 1")


def _namespace_works() -> bool:
    if sys.platform != "linux":
        return False
    pid = os.fork()
    if pid == 0:
        try:
            _enter_namespace()
        except OSError:
            os._exit(1)
        os._exit(0)
    return os.waitpid(pid, 0)[1] == 0
