"""Lists as a queue: whoever holds an import's lock goes on with it, and the row says with what."""

import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
from django.conf import settings
from django.core.files.uploadedfile import UploadedFile
from django.db import connection
from django.db.models import QuerySet
from django.utils.module_loading import import_string
from kombu.exceptions import KombuError

from accounts.models import User
from common.clock import now
from customers.importing.books import AlreadyRunning, LostLease
from customers.importing.people import run
from customers.importing.people.files import examine
from customers.importing.people.guessing import guess, source_name
from customers.importing.people.mapping import PeopleMapping, written
from customers.importing.reading import UnreadableFile
from customers.importing.schema import MappingError
from customers.models import PeopleImport, SyncRun

logger = logging.getLogger(__name__)
State = PeopleImport.State
ABANDONED_AFTER = timedelta(days=7)
MAX_UPLOAD_BYTES = 300 << 20
_LOCK = 7216_0011


def bring(upload: "UploadedFile[Any]", *, kind: str, user: User | None) -> PeopleImport:
    """Keep an uploaded file, and make an import of it whose mapping is guessed. Raises UnreadableFile."""
    folder = Path(settings.IMPORTS_DIR)
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = folder / secrets.token_hex(16)
    path.touch(mode=0o600)
    try:
        with path.open("wb") as file:
            for chunk in upload.chunks():
                file.write(chunk)
        return draft(path, name=(upload.name or "list")[:200].replace("\0", ""), kind=kind, user=user)
    except BaseException:
        path.unlink()
        raise


def draft(
    path: Path, *, name: str, kind: str, mapping: PeopleMapping | None = None, user: User | None = None
) -> PeopleImport:
    """Store an import of the file at `path`; without a mapping it gets the guessed one. Raises UnreadableFile."""
    file = examine(path, whole=False)
    return PeopleImport.objects.create(
        kind=kind,
        name=name,
        path=str(path),
        file=msgspec.to_builtins(file),
        mapping=written(mapping or guess(file, source=source_name(name))),
        created_by=user,
    )


def ask(job: PeopleImport, state: State, *, among: tuple[State, ...]) -> bool:
    """Move an import from one of these states to another; say whether it was in one. Forgets an old error."""
    found = PeopleImport.objects.filter(pk=job.pk, state__in=among)
    return bool(found.update(state=state, error="", updated_at=now()))


def discard(job: PeopleImport) -> bool:
    """Give an import up and delete its file, unless it is at work or done."""
    idle = (State.DRAFT, State.CHECKED, State.FAILED)
    if not ask(job, State.DISCARDED, among=idle):
        return False
    _forget_file(job)
    return True


def advance(import_id: int, *, on_batch: Callable[[int], None] = lambda rows: None) -> PeopleImport:
    """Check or import what waits to be, as the import's state says; where another process is at it, do nothing.

    What cannot be read or stored makes it FAILED with a sentence. Raises only what nobody expects, after noting it.
    """
    with _held(import_id) as is_ours:
        job = PeopleImport.objects.select_related("run").get(pk=import_id)
        if is_ours and job.state in (State.CHECKING, State.IMPORTING):
            _advance(job, on_batch)
            job.refresh_from_db()
    return job


def sweep() -> list[int]:
    """Discard what was left lying for a week, and return the imports that wait or whose worker died."""
    idle = (State.DRAFT, State.CHECKED, State.FAILED)
    for job in PeopleImport.objects.filter(state__in=idle, updated_at__lt=now() - ABANDONED_AFTER):
        discard(job)
    return list(_waiting().values_list("pk", flat=True))


def _waiting() -> QuerySet[PeopleImport]:
    return PeopleImport.objects.filter(state__in=["checking", "importing"]).order_by("pk")


def _advance(job: PeopleImport, on_batch: Callable[[int], None]) -> None:
    try:
        if job.state == State.CHECKING:
            run.check(job, on_batch=on_batch)
            job.state = State.CHECKED
        else:
            books = run.carry_out(job, on_batch=on_batch)
            job.state, job.error = State.DONE, ""
            if books.status != SyncRun.Status.SUCCEEDED:
                job.state, job.error = State.FAILED, books.error
            _tell()
            _forget_file(job)
    except (AlreadyRunning, LostLease) as busy:
        logger.info("%s waits: %s", job.name, busy)
    except (UnreadableFile, MappingError) as error:
        job.state, job.error = State.FAILED, str(error)
    except FileNotFoundError:
        job.state, job.error = State.FAILED, "The file is no longer there. Bring it again."
    except Exception as error:
        job.state, job.error = (
            State.FAILED,
            f"It broke off ({type(error).__name__}). What was stored is kept.",
        )
        raise
    finally:
        job.save(update_fields=["state", "error", "updated_at"])


@contextmanager
def _held(import_id: int) -> Iterator[bool]:
    """Hold the import's lock, if nobody does; a process that is killed lets go of it at once."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s, %s)", [_LOCK, import_id])
        (is_ours,) = cursor.fetchone() or (False,)
    try:
        yield is_ours
    finally:
        if is_ours and not connection.needs_rollback and connection.is_usable():
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_advisory_unlock(%s, %s)", [_LOCK, import_id])


def _tell() -> None:
    """Ring those who judge everybody: a list may change so many customers that news one by one would take longer."""
    for name in settings.AFTER_LISTS:
        try:
            import_string(name).delay()
        except KombuError as error:
            logger.warning("%s was not rung, the schedule will do it: %s", name, error)


def _forget_file(job: PeopleImport) -> None:
    """Delete what the check left, and a file that was uploaded; a file that was only named stays where it is."""
    run.check_rejects_path(job).unlink(missing_ok=True)
    path = Path(job.path)
    if path.is_relative_to(Path(settings.IMPORTS_DIR)):
        path.unlink(missing_ok=True)


def result(job: PeopleImport) -> dict[str, Any]:
    """How the rows ended, or would end: `rows`, and counts by name in `stored`, `rejected` and `consents`."""
    books = job.run
    if books is None:
        told = {name: job.report.get(name, {}) for name in ("stored", "rejected", "consents")}
        return {"rows": job.report.get("rows", 0), **told}
    stored = {
        "new": books.inserted,
        "updated": books.updated,
        "unchanged": books.unchanged,
        "skipped": books.skipped,
        "duplicate": books.duplicates,
    }
    shown = {name: count for name, count in stored.items() if count}
    return {
        "rows": books.rows_in,
        "stored": shown,
        "rejected": books.rejected,
        "consents": books.consents,
    }


def errors_file(job: PeopleImport) -> Path | None:
    """Return the file of the rows that were not, or would not be, stored; None where there is none."""
    path = Path(job.run.rejects_path) if job.run else run.check_rejects_path(job)
    return path if path.is_file() and path.is_relative_to(Path(settings.REJECTS_DIR)) else None
