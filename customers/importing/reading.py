"""Rows from CSV files: plain, gzipped, or from standard input, one at a time."""

import csv
import gzip
import io
import sys
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any, cast

from customers.texts import is_encodable

_GZIP = b"\x1f\x8b"
_BUFFER = 1 << 20
csv.field_size_limit(1 << 20)


class UnreadableFile(ValueError):
    """The file has no rows that could be read; the message says why."""


def open_binary(name: str) -> IO[bytes]:
    """Open a file for reading, `-` being standard input; gzip is recognised by its first bytes."""
    plain: Any = sys.stdin.buffer if name == "-" else Path(name).open("rb")  # noqa: SIM115 - open until the import ends
    buffered = io.BufferedReader(plain, _BUFFER)
    if buffered.peek(2)[:2] == _GZIP:
        return cast(IO[bytes], gzip.GzipFile(fileobj=buffered))
    return buffered


class CsvFile:
    """An open CSV file: its header, then its rows. Bytes read are counted for a progress bar."""

    def __init__(self, name: str, *, form: Mapping[str, str]) -> None:
        """Raises UnreadableFile for an empty file, and OSError."""
        self._binary = open_binary(name)
        text = io.TextIOWrapper(
            self._binary, encoding=form.get("encoding", "utf-8-sig"), errors="surrogateescape", newline=""
        )
        self._reader = csv.reader(text, delimiter=form.get("delimiter", ","), strict=True)
        try:
            self.header = [column.strip() for column in next(self._reader)]
        except StopIteration as error:
            raise UnreadableFile("The file is empty; its first line should name the columns.") from error
        except (csv.Error, UnicodeError, zlib.error) as error:
            raise UnreadableFile(f"The first line cannot be read: {error}") from error
        if len(set(self.header)) != len(self.header):
            raise UnreadableFile("Two columns have the same name.")

    def rows(self) -> Iterator[list[str] | str]:
        """Yield rows, or the reason why one could not be read. Raises UnreadableFile, OSError or
        EOFError on a broken file."""
        while True:
            try:
                row = next(self._reader)
            except StopIteration:
                return
            except csv.Error:
                yield "unreadable_row"
                continue
            except (UnicodeError, zlib.error) as error:
                raise UnreadableFile(f"The rest of the file cannot be read: {error}") from error
            if row:
                yield row if is_clean(row) else "bad_encoding"


def is_clean(row: list[str]) -> bool:
    """Whether every byte could be decoded; what could not shows as a lone surrogate."""
    return is_encodable("".join(row))
