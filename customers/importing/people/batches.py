"""A list in batches, the next one read while the last one is stored, and the file of rows that were not stored."""

import csv
import io
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import BinaryIO

import msgspec

from common.spreadsheets import defused
from customers.importing.people.files import ListFile, ReadRow, rows
from customers.importing.people.parsing import Parsed, RowReader
from customers.importing.people.seen import Seen

SIZE = 10_000


class Batch(msgspec.Struct):
    """Rows of the file, those that could be read as (position, row, is a repeat), and the others with their reason."""

    first: int
    rows: list[ReadRow]
    people: list[tuple[int, Parsed, bool]]
    refused: list[tuple[int, str]]


def batches(path: Path, file: ListFile, reader: RowReader, *, after: int = 0) -> Iterator[Batch]:
    """Yield the file's rows in batches, reading one ahead in a thread of its own.

    Rows up to number `after` are only remembered, so that later repeats of them are known as such.
    """
    return _one_ahead(batch for batch in _all(path, file, reader) if batch.first > after)


def _all(path: Path, file: ListFile, reader: RowReader) -> Iterator[Batch]:
    remaining = rows(path, file)
    addresses, ids = Seen(), Seen()
    first = 1
    while taken := list(islice(remaining, SIZE)):
        batch = Batch(first, taken, [], [])
        read = [row if isinstance(row, str) else reader.read(row) for row in taken]
        good = [(position, row) for position, row in enumerate(read) if not isinstance(row, str)]
        repeated = zip(
            addresses.repeats([row.email for _, row in good]),
            ids.repeats([row.external_id for _, row in good]),
            strict=True,
        )
        batch.people = [
            (position, row, by_address or by_id)
            for (position, row), (by_address, by_id) in zip(good, repeated, strict=True)
        ]
        batch.refused = [(position, row) for position, row in enumerate(read) if isinstance(row, str)]
        yield batch
        first += len(taken)


def _one_ahead(found: Iterator[Batch]) -> Iterator[Batch]:
    with ThreadPoolExecutor(1, thread_name_prefix="list") as reader:
        pending = reader.submit(next, found, None)
        while (batch := pending.result()) is not None:
            pending = reader.submit(next, found, None)
            yield batch


class ErrorFile:
    """Rows that were not stored, with number and reason, as a CSV file that may be mended and read in again.

    `size` is what the books know of it: what was written after the last commit is cut off when it is opened.
    """

    def __init__(self, path: Path, header: Iterable[str], *, size: int = 0) -> None:
        self.path, self._header = path, list(header)
        self._file: BinaryIO | None = None
        self.size = size
        if size or path.exists():
            self._open().truncate(size)

    def add(self, refused: Iterable[tuple[int, str, ReadRow]]) -> None:
        """Append rows; the first row after the header has number 1."""
        text = io.StringIO(newline="")
        writer = csv.writer(text)
        for number, reason, row in refused:
            if not self.size and not text.tell():
                writer.writerow(["row", "reason", *map(defused, self._header)])
            writer.writerow([number, reason, *(map(defused, row) if isinstance(row, list) else [])])
        if text.tell():
            file = self._open()
            file.seek(self.size)
            file.truncate()
            self.size += file.write(text.getvalue().encode("utf-8", "surrogateescape"))
            file.flush()

    def close(self) -> None:
        """Finish the file, if there is one."""
        if self._file is not None:
            self._file.close()

    def _open(self) -> BinaryIO:
        if self._file is None:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self.path.touch(mode=0o600)
            self._file = self.path.open("r+b")
        return self._file
