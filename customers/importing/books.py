"""The books of one run: who may write them, and that they add up."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.db import DatabaseError, IntegrityError, InterfaceError, transaction

from common.clock import now
from customers.ingest import IngestResult
from customers.models import SyncRun
from customers.quality.checks import judge
from customers.quality.watch import RunProfile

logger = logging.getLogger(__name__)
LEASE = timedelta(minutes=10)


class AlreadyRunning(RuntimeError):
    """Another run of the same source holds the lease."""


class LostLease(RuntimeError):
    """Another run has taken over: this one must stop."""


class Books:
    """Counts of a run, written with every batch. At all times rows in = inserted + duplicates + rejected."""

    def __init__(self, run: SyncRun) -> None:
        self.run = run
        self.profile = RunProfile()
        self.expectations: Sequence[Mapping[str, Any]] = ()
        self.rejected: Counter[str] = Counter()
        self.customers_created = 0
        self.identity_conflicts = 0

    def add(self, result: IngestResult, rejected: Counter[str], *, rows: int) -> None:
        """Enter a batch of rows and prolong the lease. Raises LostLease when the run is no longer ours."""
        self.rejected += result.rejected + rejected
        self.customers_created += result.customers_created
        self.identity_conflicts += result.identity_conflicts
        self.run.rows_in += rows
        self.run.inserted += result.inserted
        self.run.duplicates += result.duplicates
        self.run.rejected = dict(sorted(self.rejected.items()))
        self._save(lease_until=now() + LEASE)

    def close(self, *, cursor_after: Any = None, error: str = "") -> SyncRun:
        """End the run; it has failed on an error, and when its counts do not add up."""
        if not error and not self.run.adds_up:
            error = "The counts do not add up."
        self._save(
            columns=self.profile.columns_as_json(),
            watermark=self.profile.watermark,
            first_key=self.profile.first_key,
            last_key=self.profile.last_key,
            findings=[] if error else judge(self.run, self.expectations, self.profile),
            status=SyncRun.Status.FAILED if error else SyncRun.Status.SUCCEEDED,
            finished_at=now(),
            lease_until=None,
            cursor_after=cursor_after,
            error=error[:2000],
        )
        return self.run

    def break_off(self, error: BaseException | str, *, cursor_after: Any = None) -> SyncRun:
        """End the run as failed, where that can still be written: another run may have it, or the database be gone."""
        if isinstance(error, BaseException):
            error = f"{type(error).__name__}: {error}"
        try:
            return self.close(cursor_after=cursor_after, error=error)
        except (LostLease, DatabaseError, InterfaceError) as lost:
            logger.warning("Run %s could not be closed (%s) after: %s", self.run.pk, lost, error)
            return self.run

    def _save(self, **fields: Any) -> None:
        for name in ("rows_in", "inserted", "duplicates", "rejected", "quarantined"):
            fields[name] = getattr(self.run, name)
        ours = SyncRun.objects.filter(pk=self.run.pk, status=SyncRun.Status.RUNNING)
        if not ours.update(**fields):
            raise LostLease(f"Run {self.run.pk} of {self.run.source} was taken over.")
        for name, value in fields.items():
            setattr(self.run, name, value)


def open_books(source: str, *, cursor: Any = None, rejects_path: str = "") -> Books:
    """Start a run; one whose lease has run out is closed as failed first. Raises AlreadyRunning.

    One source has one running run: a unique constraint decides between two who try at once.
    """
    at = now()
    SyncRun.objects.filter(source=source, status=SyncRun.Status.RUNNING, lease_until__lt=at).update(
        status=SyncRun.Status.FAILED, finished_at=at, error="It stopped without a word; its lease ran out."
    )
    try:
        with transaction.atomic():
            run = SyncRun.objects.create(
                source=source,
                started_at=at,
                lease_until=at + LEASE,
                cursor_before=cursor,
                rejects_path=rejects_path,
            )
    except IntegrityError as error:
        raise AlreadyRunning(
            f"{source} is being read already; if that process is gone, its lease ends within"
            f" {LEASE.seconds // 60} minutes."
        ) from error
    return Books(run)
