"""Reads rows to the end: mapped here, stored beside by one writer thread, counted, refused rows kept in a file."""

import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from django.conf import settings
from django.db import connection

from common.spreadsheets import defused
from customers import consent
from customers.importing.books import Books
from customers.importing.mapping import RowMapping, shared_orders
from customers.ingest import EventIn, IngestResult, ingest
from customers.quality.quarantine import Quarantine, Refused
from customers.quality.sources import note_mapping
from customers.quality.watch import Watch

BATCH = 10_000
_SWITCH_SECONDS = 0.0005
ReadRow = list[str] | str


class Rejects:
    """The file of refused rows, made when the first one comes: row number, reason, the row, safe for spreadsheets."""

    def __init__(self, path: Path, header: Iterable[str]) -> None:
        self.path, self.header = path, list(header)
        self._file: TextIO | None = None

    def add(self, refused: Iterable[Refused]) -> None:
        """Append rows; the first row after the header has number 1."""
        for number, reason, row, _ in refused:
            if self._file is None:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                self.path.touch(mode=0o600)
                self._file = self.path.open("w", encoding="utf-8", errors="surrogateescape", newline="")
                csv.writer(self._file).writerow(["row", "reason", *map(defused, self.header)])
            cells = map(defused, row) if isinstance(row, list) else ()
            csv.writer(self._file).writerow([number, reason, *cells])

    def close(self) -> None:
        """Finish the file, if there is one."""
        if self._file is not None:
            self._file.close()


class _Batch:
    """Rows of the file, and the events they became.

    A row that its mapping refuses on purpose is refused for that; what is promised of rows comes next.
    """

    def __init__(self, first: int, rows: list[ReadRow], mapping: RowMapping, watch: Watch) -> None:
        self.first, self.rows = first, rows
        faulty = watch.look(rows)
        self.occurrences: list[str] = []
        self.events: list[EventIn] = []
        self.positions: list[int] = []
        self.refused: list[tuple[int, str]] = []
        for position, row in enumerate(rows):
            event = mapping.event(row) if isinstance(row, list) else row
            event = watch.verdict(event, faulty.get(position)) if faulty else event
            self.occurrences.append(mapping.occurrence if isinstance(row, list) else "")
            if isinstance(event, str):
                self.refused.append((position, event))
            else:
                self.events.append(event)
                self.positions.append(position)

        watch.profile.note(
            [event.client_id for event in self.events], (event.occurred_at for event in self.events)
        )

    def all_refused(self, result: IngestResult) -> list[Refused]:
        """Rows refused by the mapping and by ingest, with number, reason and occurrence, in the file's order."""
        late = [(self.positions[position], reason) for position, reason in result.rejects]
        return [
            (self.first + position, reason, self.rows[position], self.occurrences[position])
            for position, reason in sorted([*self.refused, *late])
        ]


def import_rows(
    rows: Iterable[ReadRow],
    mapping: Mapping[str, Any],
    *,
    header: list[str],
    books: Books,
    rejects: Rejects,
    on_batch: Callable[[int], None] = lambda rows: None,
) -> None:
    """Store all rows and enter them in the books; `on_batch` hears how many rows have been read.

    The next batch is mapped while the last one is stored, so at most three batches are in memory; inside a
    transaction, which belongs to this thread, one follows the other.
    Raises MappingError before anything is read, and whatever reading or storing raises.
    """
    row_mapping = RowMapping(mapping, header)
    watch = Watch(mapping, header=header, profile=books.profile)
    note_mapping(books.run.source, mapping)
    books.expectations = mapping.get("expectations", [])
    store = _Store(mapping, books, rejects, Quarantine(mapping, header=header, books=books))
    batches = _batches(rows, row_mapping, watch)
    if connection.in_atomic_block:
        for batch in batches:
            on_batch(store(batch))
    else:
        _store_beside(batches, store, on_batch)


def _store_beside(
    batches: Iterable[_Batch], store: Callable[[_Batch], int], on_batch: Callable[[int], None]
) -> None:
    with _quick_turns(), ThreadPoolExecutor(1, thread_name_prefix="import") as writer:
        pending: Future[int] | None = None
        try:
            for batch in batches:
                if pending is not None:
                    on_batch(pending.result())
                pending = writer.submit(store, batch)
            if pending is not None:
                on_batch(pending.result())
        finally:
            writer.submit(_close_connection).result()


@contextmanager
def _quick_turns() -> Iterator[None]:
    """Let the writer have its turn as soon as the database answers.

    Python lets the mapping thread go on for 5 ms each time, and at twenty statements a batch the database would
    idle for that long twenty times.
    """
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SWITCH_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _close_connection() -> None:
    """The writer's own: `connection` means another one in each thread."""
    connection.close()


def _batches(rows: Iterable[ReadRow], mapping: RowMapping, watch: Watch) -> Iterator[_Batch]:
    remaining = iter(rows)
    first = 1
    while taken := list(islice(remaining, BATCH)):
        yield _Batch(first, taken, mapping, watch)
        first += len(taken)


class _Store:
    """What the writer does with one batch."""

    def __init__(
        self, mapping: Mapping[str, Any], books: Books, rejects: Rejects, quarantine: Quarantine
    ) -> None:
        self._source: str = mapping["source"]
        self._orders = shared_orders(mapping)
        self._quarantine = quarantine
        self._consent: Mapping[str, str] | None = mapping.get("consent")
        self._books, self._rejects = books, rejects
        self._granted: set[int] = set()

    def __call__(self, batch: _Batch) -> int:
        """Store, grant what the mapping declares, keep the refused; return the rows read so far."""
        result = ingest(batch.events, source=self._source, orders=self._orders)
        if self._consent:
            self._grant(result.customer_ids - self._granted)
        kept_out = batch.all_refused(result)
        self._rejects.add(kept_out)
        self._quarantine.keep(kept_out)
        refused = Counter(reason for _, reason in batch.refused)
        self._books.add(result, refused, rows=len(batch.rows))
        return self._books.run.rows_in

    def _grant(self, customer_ids: set[int]) -> None:
        assert self._consent is not None
        consent.grant(
            customer_ids,
            self._consent["purpose"],
            source=f"import {self._source}",
            proof=self._consent["proof"],
            overrule_withdrawal=False,
        )
        self._granted |= customer_ids


def rejects_path(source: str, name: str) -> Path:
    """Return where refused rows are kept when nobody says where."""
    return Path(settings.REJECTS_DIR) / f"{source}-{name}.csv"
