"""A list as a file: refused where it is none, and read within bounds of line, size and number of rows."""

import csv
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any, cast

import msgspec

from customers.importing.reading import UnreadableFile

MAX_ROWS = 1_000_000
MAX_BYTES = 1 << 30
MAX_LINE = 1 << 20
MAX_COLUMNS = 200
SAMPLED_ROWS = 500
SHOWN_SAMPLES = 3
_HEAD = 1 << 16
_CHUNK = 1 << 20
_DELIMITERS = ",;\t|"
_NO_LISTS = {
    b"PK\x03\x04": "an Excel workbook or a zip archive",
    b"\xd0\xcf\x11\xe0": "an old Excel workbook",
    b"%PDF": "a PDF",
}
_FOREIGN = re.compile(r"[^\x00-\x7f\udc80-\udcff]")
_BROKEN = re.compile(r"[\udc80-\udcff]")

ReadRow = list[str] | str


class ListFile(msgspec.Struct, frozen=True, kw_only=True):
    """What was found out about a file. `rows` is None where only its beginning was read."""

    encoding: str
    delimiter: str
    header: list[str]
    has_names: bool
    samples: list[list[str]]
    rows: int | None = None
    sha256: str = ""

    @property
    def notices(self) -> list[str]:
        """What to tell the person who brought the file, as sentences."""
        told = []
        if self.encoding == "cp1252":
            told.append("The file is not UTF-8. It was read as Windows text; check that accents look right.")
        if not self.has_names:
            told.append(
                "The first line holds an address, so it was taken for data: the columns have no names."
            )
        return told


class _Bounded(io.RawIOBase):
    """Passes bytes on until there are too many: a small archive may unpack to anything."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._left = file, MAX_BYTES

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        data = self._file.read(len(buffer))
        self._left -= len(data)
        if self._left < 0:
            raise UnreadableFile(f"The file is larger than {MAX_BYTES >> 20:,} MB (unpacked). Split it.")
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()


def examine(path: Path, *, whole: bool) -> ListFile:
    """Find out encoding, delimiter, columns and samples of a file; with `whole`, check and count all rows too.

    Raises UnreadableFile, saying what to do, for what is no list, has a line over a megabyte, an open quotation
    mark, two columns of one name, or more than a million rows.
    """
    try:
        encoding = _encoding(path, None if whole else _CHUNK)
        with _text(path, encoding) as text:
            first = text.readline(_HEAD)
        delimiter = max(_DELIMITERS, key=first.count)
        found = iter(_records(path, encoding, delimiter))
        header, *sampled = _first_rows(found)
        has_names = not any("@" in cell for cell in header)
        if not has_names:
            sampled.insert(0, header)
        count = len(sampled) + sum(1 for _ in _counted(found, len(sampled))) if whole else None
    except (OSError, EOFError, UnicodeError, zlib.error) as error:
        raise UnreadableFile(f"The file is damaged: {error}") from error
    if not sampled:
        raise UnreadableFile("The file has names of columns, but no rows.")
    return ListFile(
        encoding=encoding,
        delimiter=delimiter,
        header=_names(header) if has_names else [f"Column {n}" for n in range(1, len(header) + 1)],
        has_names=has_names,
        samples=sampled,
        rows=count,
        sha256=digest(path) if whole else "",
    )


def digest(path: Path) -> str:
    """Return the SHA-256 of the file as it lies there, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def rows(path: Path, file: ListFile) -> Iterator[ReadRow]:
    """Yield the rows of an examined file, or the reason why one cannot be read; blank lines are none."""
    found = iter(_records(path, file.encoding, file.delimiter))
    if file.has_names:
        next(found, None)
    yield from found


def shown_samples(file: ListFile, index: int) -> list[str]:
    """Return the first few different values of a column that say something."""
    values = (row[index].strip()[:60] for row in file.samples if len(row) > index)
    return list(dict.fromkeys(filter(None, values)))[:SHOWN_SAMPLES]


def _first_rows(found: Iterator[ReadRow]) -> list[list[str]]:
    header = next(found, None)
    if header is None:
        raise UnreadableFile("The file is empty.")
    if isinstance(header, str):
        raise UnreadableFile("The first line cannot be read; it should name the columns.")
    if len(header) > MAX_COLUMNS:
        raise UnreadableFile(f"The file has more than {MAX_COLUMNS} columns.")
    taken = [header]
    for row in found:
        taken.append(row if isinstance(row, list) else [])
        if len(taken) > SAMPLED_ROWS:
            break
    return taken


def _counted(found: Iterator[ReadRow], already: int) -> Iterator[ReadRow]:
    for number, row in enumerate(found, already + 1):
        if number > MAX_ROWS:
            raise UnreadableFile(f"The file has more than {MAX_ROWS:,} rows. Split it; nothing was imported.")
        yield row


def _names(header: Sequence[str]) -> list[str]:
    names = [cell.strip() or f"Column {number}" for number, cell in enumerate(header, 1)]
    places: dict[str, int] = {}
    for number, name in enumerate(names, 1):
        if name in places:
            raise UnreadableFile(
                f"Columns {places[name]} and {number} are both called “{name[:80]}”. Rename one of them."
            )
        places[name] = number
    return names


def _encoding(path: Path, most: int | None) -> str:
    """UTF-8 unless more of what is not ASCII disagrees with it than agrees; then Windows' Western code page."""
    agreeing = disagreeing = 0
    with _binary(path) as file:
        head = file.peek(4)[:4]
        for magic, name in _NO_LISTS.items():
            if head.startswith(magic):
                raise UnreadableFile(f"This is {name}, not a CSV file. Save the sheet as CSV (UTF-8) first.")
        if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
            return "utf-16"
        text = io.TextIOWrapper(file, encoding="utf-8", errors="surrogateescape", newline="")
        read = 0
        while (most is None or read < most) and (chunk := text.read(_CHUNK)):
            if not read and chunk.count("\0") > len(chunk) // 100:
                raise UnreadableFile("This is not a text file. Save the list as CSV (UTF-8) first.")
            read += len(chunk)
            if not chunk.isascii():
                agreeing += len(_FOREIGN.findall(chunk))
                disagreeing += len(_BROKEN.findall(chunk))
    return "cp1252" if disagreeing > agreeing else "utf-8-sig"


def _binary(path: Path) -> io.BufferedReader:
    file = path.open("rb")
    plain: IO[bytes] = file
    if file.peek(2)[:2] == b"\x1f\x8b":
        plain = cast(IO[bytes], gzip.GzipFile(fileobj=file))
    return io.BufferedReader(_Bounded(plain), _CHUNK)


def _text(path: Path, encoding: str) -> io.TextIOWrapper:
    return io.TextIOWrapper(_binary(path), encoding=encoding, errors="surrogateescape", newline="")


def _lines(text: io.TextIOWrapper) -> Iterator[str]:
    number = 0
    while line := text.readline(MAX_LINE):
        number += 1
        if len(line) == MAX_LINE and line[-1] not in "\r\n":
            raise UnreadableFile(f"Line {number:,} is longer than a megabyte: this is not a list of people.")
        yield line


def _records(path: Path, encoding: str, delimiter: str) -> Iterator[ReadRow]:
    with _text(path, encoding) as text:
        reader = csv.reader(_lines(text), delimiter=delimiter, strict=True)
        while True:
            start = reader.line_num
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                if reader.line_num > start + 1 or "end of data" in str(error):
                    raise UnreadableFile(
                        f"A quotation mark that opens in line {start + 1:,} is not closed where it should be."
                    ) from error
                yield "unreadable_row"
                continue
            if row:
                yield row
