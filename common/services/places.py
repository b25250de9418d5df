"""Where the servers keep their files and where they are reached. Nothing here starts anything."""

import hashlib
import os
import shutil
import stat
from dataclasses import dataclass
from pathlib import Path

import environ

SOCKET_PATH_LIMIT = 100  # bytes; the kernel's own limit is 108 on Linux and 104 on macOS
POSTGRES_SOCKET = ".s.PGSQL.5432"
DATABASE = OWNER = "regards"


class ServiceError(Exception):
    """A server cannot run; the text is one sentence for the person at the terminal."""


@dataclass(frozen=True, kw_only=True)
class ServiceUrls:
    """How the servers are reached: Django's database, redis-py (and Django's cache), Celery's broker."""

    database_url: str
    redis_url: str
    broker_url: str


@dataclass(frozen=True, kw_only=True)
class Places:
    """All paths of one installation: `var` keeps data, `run` the sockets (short, gone after a reboot)."""

    var: Path
    run: Path

    @property
    def postgres_data(self) -> Path:
        """The PostgreSQL cluster."""
        return self.var / "postgres"

    @property
    def valkey_data(self) -> Path:
        """Valkey's append-only file."""
        return self.var / "valkey"

    @property
    def locks(self) -> Path:
        """The lock files by which processes agree."""
        return self.var / "locks"

    @property
    def logs(self) -> Path:
        """What the servers write."""
        return self.var / "log"

    @property
    def postgres_run(self) -> Path:
        """The folder of PostgreSQL's socket; its own, because the server may run as another user."""
        return self.run / "postgres"

    @property
    def valkey_socket(self) -> Path:
        """Valkey's socket."""
        return self.run / "valkey.sock"


def places(var: Path) -> Places:
    """Return the paths that belong to `var`, without touching the disk.

    The run folder lies in /tmp whatever the login session says (`XDG_RUNTIME_DIR` differs between a desktop,
    `su` and cron), so that every process of the installation finds the same sockets. `REGARDS_RUN_DIR` moves
    it.
    """
    var = var.resolve()
    parent = Path(os.environ.get("REGARDS_RUN_DIR") or "/tmp")  # noqa: S108 (the folder below is owner-checked)
    digest = hashlib.sha256(os.fsencode(var)).hexdigest()[:8]
    return Places(var=var, run=parent / f"regards-{os.getuid()}-{digest}")


def urls(var: Path) -> ServiceUrls:
    """Return where the servers of `var` are reached once they run, without touching the disk."""
    where = places(var)
    return ServiceUrls(
        database_url=f"postgres://{OWNER}@/{where.postgres_run}/{DATABASE}",
        redis_url=f"unix://{where.valkey_socket}",
        broker_url=f"redis+socket://{where.valkey_socket}",
    )


def var_folder(root: Path) -> Path:
    """Return where the checkout at `root` keeps its data. Reads `.env`; a name already set wins."""
    _read_dotenv(root)
    return Path(os.environ.get("REGARDS_VAR") or root / "var").resolve()


def is_embedded(root: Path) -> bool:
    """Say whether the checkout at `root` lacks the address of a database or of a Valkey, so needs ours."""
    _read_dotenv(root)
    return not (os.environ.get("DATABASE_URL") and os.environ.get("REDIS_URL"))


def remove_run_folder(where: Places) -> None:
    """Remove what stopped servers left of the run folder."""
    shutil.rmtree(where.run, ignore_errors=True)


def make_folders(where: Places) -> None:
    """Create the folders, readable by their owner alone.

    Raises ServiceError where one cannot be written, is somebody else's, or makes a socket's path too long.
    """
    for socket in (where.postgres_run / POSTGRES_SOCKET, where.valkey_socket):
        if len(os.fsencode(socket)) > SOCKET_PATH_LIMIT:
            raise ServiceError(
                f"The socket path {socket} is longer than {SOCKET_PATH_LIMIT} characters: "
                "set REGARDS_RUN_DIR to a folder with a short path."
            )
    for folder in (where.var, where.locks, where.logs):
        _make_writable(folder, remedy="make it writable for you, or set REGARDS_VAR to a folder that is")
    _make_writable(where.run, remedy="set REGARDS_RUN_DIR to a folder that is")
    _refuse_foreign(where.run)
    _make_writable(where.postgres_run, remedy="set REGARDS_RUN_DIR to a folder that is")


def _read_dotenv(root: Path) -> None:
    if (root / ".env").exists():
        environ.Env.read_env(root / ".env", overwrite=False)


def _make_writable(folder: Path, *, remedy: str) -> None:
    probe = folder / f".probe-{os.getpid()}"
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise ServiceError(f"The folder {folder} is not writable ({error.strerror}): {remedy}.") from error


def _refuse_foreign(folder: Path) -> None:
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o066:
        raise ServiceError(
            f"The run folder {folder} belongs to somebody else or is open to others: "
            "remove it, or set REGARDS_RUN_DIR to a folder of your own."
        )
