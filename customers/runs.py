"""The books of imports and synchronisations as people read them, and the files of refused rows."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db.models import Sum

from customers.models import SyncRun

TONES = {
    SyncRun.Status.RUNNING: "info",
    SyncRun.Status.SUCCEEDED: "success",
    SyncRun.Status.FAILED: "danger",
}
_SUMMED = ("rows_in", "inserted", "updated", "unchanged", "duplicates", "skipped")


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBooks:
    """One run with its reasons for refusing rows, most frequent first."""

    run: SyncRun
    reasons: list[tuple[str, int]]
    has_rejects_file: bool

    @property
    def tone(self) -> str:
        """How the run's state is coloured."""
        return TONES[SyncRun.Status(self.run.status)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """All rows of all runs; None where there has been no run."""

    rows_in: int | None
    inserted: int | None
    updated: int | None
    unchanged: int | None
    duplicates: int | None
    skipped: int | None

    @property
    def rejected(self) -> int | None:
        """Rows read that were refused: all that ended in no other way."""
        if self.rows_in is None:
            return None
        others = (self.inserted, self.updated, self.unchanged, self.duplicates, self.skipped)
        return self.rows_in - sum(count or 0 for count in others)


def books_of(runs: Iterable[SyncRun]) -> list[RunBooks]:
    """The books of these runs; no query."""
    return [
        RunBooks(
            run=run,
            reasons=[
                (reason.replace("_", " "), count)
                for reason, count in sorted(run.rejected.items(), key=lambda item: (-item[1], item[0]))
            ],
            has_rejects_file=rejects_file(run) is not None,
        )
        for run in runs
    ]


def latest_of_each_source() -> list[SyncRun]:
    """The newest run of every source, by the source's name; one query."""
    return list(SyncRun.objects.order_by("source", "-started_at").distinct("source"))


def totals() -> Totals:
    """Rows of all runs; one query."""
    return Totals(**SyncRun.objects.aggregate(**{name: Sum(name) for name in _SUMMED}))


def rejects_file(run: SyncRun) -> Path | None:
    """Return the file of a run's refused rows if it is there, and inside `settings.REJECTS_DIR`; else None.

    Links are followed before that is asked: nothing outside the folder is ever handed out.
    """
    if not run.rejects_path:
        return None
    folder = Path(settings.REJECTS_DIR).resolve()
    path = (folder / run.rejects_path).resolve()
    return path if path.is_relative_to(folder) and path.is_file() else None
