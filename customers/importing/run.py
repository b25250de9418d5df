"""Reads rows to the end: mapped here, stored by one writer thread, counted, refused rows kept in a file."""

import csv
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple, TextIO

from django.conf import settings
from django.db import connection

from common.spreadsheets import defused
from customers import precedence
from customers.declared_consent import grant_declared
from customers.expiry import dropped_until
from customers.identity import Person
from customers.importing.books import Books
from customers.importing.mapper import Mapped, Mapper, ReadRow
from customers.importing.mapping import shared_orders
from customers.ingest import IngestResult
from customers.ingest import store as ingested
from customers.quality.quarantine import Quarantine, Refused
from customers.quality.sources import note_mapping

BATCH = 10_000
_SWITCH_SECONDS = 0.0005


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


class _Batch(NamedTuple):
    """Rows of the file, and what they became."""

    first: int
    rows: list[ReadRow]
    mapped: Mapped

    def all_refused(self, result: IngestResult) -> list[Refused]:
        """Rows refused by the mapping and by ingest, with number, reason and occurrence, in the file's order."""
        mapped = self.mapped
        late = [(mapped.positions[position], reason) for position, reason in result.rejects]
        return [
            (self.first + position, reason, self.rows[position], mapped.occurrences[position])
            for position, reason in sorted([*mapped.refused, *late])
        ]


class _Portions:
    """Rows by the batch, with the number of the first. A file that breaks off ends them: `failure` says why."""

    def __init__(self, rows: Iterable[ReadRow]) -> None:
        self._rows, self._first = iter(rows), 1
        self.failure: Exception | None = None

    def __iter__(self) -> Iterator[tuple[int, list[ReadRow]]]:
        while True:
            try:
                taken = list(islice(self._rows, BATCH))
            except Exception as failure:
                self.failure = failure
                return
            if not taken:
                return
            yield self._first, taken
            self._first += len(taken)


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
    orders = precedence.shared_orders(mapping["source"], declared=shared_orders(mapping))
    mapper = Mapper(mapping, header=header, profile=books.profile, orders=orders)
    note_mapping(books.run.source, mapping)
    books.expectations = mapping.get("expectations", [])
    store = _Store(mapping, books, rejects, Quarantine(mapping, header=header, books=books))
    batches = _batches(_Portions(rows), mapper)
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


def _batches(portions: _Portions, mapper: Mapper) -> Iterator[_Batch]:
    """Map batch by batch; what stands before the place where a file breaks off counts."""
    until = dropped_until()
    for first, rows in portions:
        yield _Batch(first, rows, mapper.map(rows, dropped_until=until))
    if portions.failure is not None:
        raise portions.failure


class _Store:
    """What the writer does with one batch."""

    def __init__(
        self, mapping: Mapping[str, Any], books: Books, rejects: Rejects, quarantine: Quarantine
    ) -> None:
        self._mapping, self._quarantine = mapping, quarantine
        self._books, self._rejects = books, rejects
        self._granted: set[int] = set()

    def __call__(self, batch: _Batch) -> int:
        """Store, grant what the mapping declares, keep the refused; return the rows read so far."""
        result = ingested(batch.mapped.prepared)
        self._grant(result.customer_ids - self._granted, batch.mapped.prepared.people)
        kept_out = batch.all_refused(result)
        self._rejects.add(kept_out)
        self._quarantine.keep(kept_out)
        refused = Counter(reason for _, reason in batch.mapped.refused)
        self._books.add(result, refused, rows=len(batch.rows))
        return self._books.run.rows_in

    def _grant(self, customer_ids: set[int], named: Iterable[Person | int]) -> None:
        """Grant what the mapping declares; to whom that is granted already, it is not granted again."""
        self._granted |= grant_declared(
            self._mapping,
            customer_ids,
            named=(one[:3] for one in named if isinstance(one, Person)),
            source=f"import {self._mapping['source']}",
        )


def rejects_path(source: str, name: str) -> Path:
    """Return where refused rows are kept when nobody says where."""
    return Path(settings.REJECTS_DIR) / f"{source}-{name}.csv"
