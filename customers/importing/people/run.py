"""Checks and imports one list, batch by batch; what is stored and how far that is are one transaction."""

import logging
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import msgspec
from django.db import IntegrityError, OperationalError, connection, transaction
from psycopg import errors

from common.clock import now
from customers.importing.books import LEASE, AlreadyRunning, LostLease, open_books
from customers.importing.people.batches import Batch, ErrorFile, batches
from customers.importing.people.files import ListFile, ReadRow, digest, examine
from customers.importing.people.mapping import PeopleMapping, problems, read_mapping
from customers.importing.people.parsing import RowReader
from customers.importing.people.storing import Judge, Outcome, prepare
from customers.importing.people.suppressing import Suppressor
from customers.importing.reading import UnreadableFile
from customers.importing.run import rejects_path
from customers.importing.schema import MappingError
from customers.models import PeopleImport, SyncRun

logger = logging.getLogger(__name__)
EXAMPLES = 20
_SHOWN_CELL = 100
_ATTEMPTS = 6

OnBatch = Callable[[int], None]


class _List:
    """An import with its file and mapping made ready."""

    def __init__(self, job: PeopleImport) -> None:
        """Raises UnreadableFile and MappingError."""
        self.job, self.path = job, Path(job.path)
        self.file = _examined(job) if job.total else examine(self.path, whole=True)
        self.mapping: PeopleMapping = read_mapping(job.mapping)
        is_suppression = job.kind == PeopleImport.Kind.SUPPRESSION
        if wrong := problems(self.mapping, self.file.header, is_suppression=is_suppression):
            raise MappingError("\n".join(wrong))
        self.reader = RowReader(self.mapping, self.file.header)
        self.judge = Suppressor(self.mapping) if is_suppression else Judge(self.mapping, self.reader.columns)


def check(job: PeopleImport, *, on_batch: OnBatch = lambda rows: None) -> None:
    """Find out what an import would do, and store that in its `report`; nothing else is written.

    Each batch is judged in a read-only transaction against the customers of this moment. The file is read whole
    first, so that an import begins only with a file that can be read to its end. Raises UnreadableFile, MappingError.
    """
    PeopleImport.objects.filter(pk=job.pk).update(total=0, done=0)
    job.total = 0
    found = _List(job)
    job.file, job.total = msgspec.to_builtins(found.file), found.file.rows or 0
    job.save(update_fields=["file", "total"])
    tally, examples = _Tally(), list[dict[str, Any]]()
    rejects = ErrorFile(check_rejects_path(job), found.file.header)
    try:
        for batch in batches(found.path, found.file, found.reader):
            outcome = _retrying(partial(_judged, found, batch))
            refused = tally.add(batch, outcome)
            examples += [_example(*one) for one in refused[: EXAMPLES - len(examples)]]
            rejects.add(refused)
            PeopleImport.objects.filter(pk=job.pk).update(done=tally.rows)
            on_batch(tally.rows)
    finally:
        rejects.close()
    job.report = {**tally.told(), "examples": examples, "checked_at": now().isoformat()}
    job.save(update_fields=["report"])


def carry_out(job: PeopleImport, *, on_batch: OnBatch = lambda rows: None) -> SyncRun:
    """Import the rows that are not imported yet, and return the books.

    Stopped anywhere, it goes on after the last batch that was stored when it is called again. Raises AlreadyRunning
    while another list of the same source is imported, LostLease where another process goes on with this one, and
    UnreadableFile and MappingError as `check` does.
    """
    found = _List(job)
    run = _open_run(job, found.mapping.source)
    job.run = run
    job.file, job.total = msgspec.to_builtins(found.file), found.file.rows or 0
    job.save(update_fields=["run", "file", "total"])
    cursor = run.cursor_after or {"rows": 0, "rejects_bytes": 0}
    tally = _Tally(run)
    rejects = ErrorFile(Path(run.rejects_path), found.file.header, size=cursor["rejects_bytes"])
    try:
        for batch in batches(found.path, found.file, found.reader, after=cursor["rows"]):
            _retrying(partial(_stored, found, batch, run, tally, rejects))
            on_batch(tally.rows)
    except LostLease:
        raise
    except Exception as error:
        _close(run, error=f"{type(error).__name__}: {error}")
        raise
    finally:
        rejects.close()
    return _close(run, error="" if run.adds_up else "The counts do not add up.")


def _examined(job: PeopleImport) -> ListFile:
    file = msgspec.convert(job.file, ListFile)
    if digest(Path(job.path)) != file.sha256:
        raise UnreadableFile("The file has changed since it was checked. Check it again.")
    return file


def check_rejects_path(job: PeopleImport) -> Path:
    """Return where the check keeps the rows that would not be stored."""
    return rejects_path(f"check-{job.pk}", "list")


class _Tally:
    """Counts of rows, those of the run's books or from nothing."""

    def __init__(self, run: SyncRun | None = None) -> None:
        self.rows = run.rows_in if run else 0
        self.stored: Counter[str] = Counter()
        self.rejected: Counter[str] = Counter(run.rejected if run else {})
        self.consents: Counter[str] = Counter(run.consents if run else {})
        if run:
            self.stored.update(
                new=run.inserted,
                updated=run.updated,
                unchanged=run.unchanged,
                skipped=run.skipped,
                duplicate=run.duplicates,
            )

    def add(self, batch: Batch, outcome: Outcome) -> list[tuple[int, str, ReadRow]]:
        """Count a batch; return the rows not stored as (number, reason, row), in the file's order."""
        self.rows += len(batch.rows)
        self.stored += outcome.stored
        self.consents += Counter(granted=outcome.consents_granted, withdrawn=outcome.consents_withdrawn)
        refused = sorted([*batch.refused, *outcome.refused])
        reasons = Counter(reason for _, reason in refused)
        self.stored["duplicate"] += reasons.pop("duplicate", 0)
        self.rejected += reasons
        return [(batch.first + position, reason, batch.rows[position]) for position, reason in refused]

    def told(self) -> dict[str, Any]:
        """The counts as a report keeps them."""
        return {
            "rows": self.rows,
            "stored": {name: count for name, count in self.stored.items() if count},
            "rejected": dict(sorted(self.rejected.items())),
        }

    def columns(self) -> dict[str, Any]:
        """The counts as columns of the books."""
        return {
            "rows_in": self.rows,
            "inserted": self.stored["new"],
            "updated": self.stored["updated"],
            "unchanged": self.stored["unchanged"],
            "skipped": self.stored["skipped"],
            "duplicates": self.stored["duplicate"],
            "rejected": dict(sorted(self.rejected.items())),
            "consents": dict(sorted(self.consents.items())),
        }

    def copy(self) -> "_Tally":
        """The same counts, to be added to and thrown away."""
        copied = _Tally()
        copied.rows, copied.stored, copied.rejected = self.rows, Counter(self.stored), Counter(self.rejected)
        copied.consents = Counter(self.consents)
        return copied


def _judged(found: _List, batch: Batch) -> Outcome:
    with transaction.atomic(), connection.cursor() as cursor:
        prepare()
        cursor.execute("SET TRANSACTION READ ONLY")
        return found.judge.judge(batch.people)


def _stored(found: _List, batch: Batch, run: SyncRun, tally: _Tally, rejects: ErrorFile) -> None:
    """Store a batch and enter it in the books, unless another process has entered it already."""
    before, size = tally.rows, rejects.size
    counted = tally.copy()
    try:
        with transaction.atomic():
            prepare()
            outcome = found.judge.store(batch.people, consent_source=f"import {found.mapping.source}")
            rejects.add(counted.add(batch, outcome))
            entered: dict[str, Any] = {
                **counted.columns(),
                "cursor_after": {"rows": counted.rows, "rejects_bytes": rejects.size},
                "lease_until": now() + LEASE,
            }
            ours = SyncRun.objects.filter(pk=run.pk, status=SyncRun.Status.RUNNING, rows_in=before)
            if not ours.update(**entered):
                raise LostLease(f"Another process goes on with {found.job.name}.")
            PeopleImport.objects.filter(pk=found.job.pk).update(done=counted.rows)
    except BaseException:
        rejects.size = size
        raise
    for name, value in entered.items():
        setattr(run, name, value)
    tally.rows, tally.stored, tally.rejected = counted.rows, counted.stored, counted.rejected
    tally.consents = counted.consents


def _retrying(work: Callable[[], Any]) -> Any:
    """Run a batch's transaction until it is through; a deadlock's victim has changed nothing."""
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return work()
        except OperationalError as error:
            is_deadlock = isinstance(error.__cause__, errors.DeadlockDetected | errors.SerializationFailure)
            if not is_deadlock or attempt == _ATTEMPTS:
                raise
            logger.warning("A batch of a list met a deadlock; attempt %d", attempt)
            time.sleep(0.01 * 2**attempt)
    raise AssertionError("unreachable")


def _open_run(job: PeopleImport, source: str) -> SyncRun:
    if job.run is None:
        path = rejects_path(f"list-{job.pk}", source)
        return open_books(f"list:{source}", rejects_path=str(path)).run
    run = job.run
    fields = {
        "status": SyncRun.Status.RUNNING,
        "finished_at": None,
        "error": "",
        "lease_until": now() + LEASE,
    }
    try:
        with transaction.atomic():
            SyncRun.objects.filter(pk=run.pk).update(**fields)
    except IntegrityError as error:
        raise AlreadyRunning(f"Another list of {source} is being imported.") from error
    run.refresh_from_db()
    return run


def _close(run: SyncRun, *, error: str) -> SyncRun:
    SyncRun.objects.filter(pk=run.pk, status=SyncRun.Status.RUNNING).update(
        status=SyncRun.Status.FAILED if error else SyncRun.Status.SUCCEEDED,
        finished_at=now(),
        lease_until=None,
        error=error[:2000],
    )
    run.refresh_from_db()
    return run


def _example(number: int, reason: str, row: ReadRow) -> dict[str, Any]:
    cells = [cell[:_SHOWN_CELL] for cell in row] if isinstance(row, list) else []
    text = " · ".join(filter(None, cells))[:300]
    return {
        "row": number,
        "reason": reason,
        "text": text.replace("\0", "␀").encode(errors="replace").decode(),
    }
