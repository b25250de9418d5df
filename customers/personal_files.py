"""Rows about a person in files: refused rows of imports, lists on their way in, and what waits in the drop folder."""

import csv
import gzip
import logging
import os
import re
import sys
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from math import inf
from pathlib import Path
from typing import IO, Any, Literal, cast

from django.conf import settings
from django.db import connection
from django.utils.module_loading import import_string

from customers.models import DataSource, PeopleImport, SyncRun
from customers.naming_cells import Cells, naming_cells
from customers.policies import Subject

logger = logging.getLogger(__name__)
_DELIMITERS = ",;\t|"
_OPENS = {one: re.compile(rf'(?:^|{re.escape(one)})"') for one in _DELIMITERS}
_CLOSES = re.compile(r'(?:[^"]|"")*+"')
_LONGEST_RECORD = 1000  # lines
_LOCK = 7216_0031
MappedFile = tuple[Path, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class _Search:
    """What a file is searched for: words anywhere in a row, and whole cells of named columns."""

    pattern: re.Pattern[str]
    cells: Cells


def remove_lines_about(subject: Subject, *, since: float = 0.0) -> int:
    """Write each file in `settings.PERSONAL_FILES` that names the person anew without those rows; returns how many.

    A row is a line, or the lines between which a quotation mark stays open. A file appears whole or not at all.
    Files that were last written before `since` (seconds since 1970) are left alone, and so are those that vanish
    meanwhile. One search at a time: of two that write one file anew, the later would bring back what the first removed.
    """
    with _taking_turns():
        paths = [path for path in personal_files() if _written_at(path) >= since]
        pattern = re.compile(_either_spelling(subject), re.IGNORECASE)
        cells: dict[Path, Cells] = {}
        for path, mapping in _mapped(paths):
            cells.setdefault(path, set()).update(naming_cells(mapping, subject))
        searches = {path: _Search(pattern=pattern, cells=cells.get(path, set())) for path in paths}
        return sum(_rewrite(path, search) for path, search in searches.items() if _mentions(path, search))


@contextmanager
def _taking_turns() -> Iterator[None]:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_lock(%s)", [_LOCK])
        try:
            yield
        finally:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [_LOCK])


def _written_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except FileNotFoundError:
        return -inf


def personal_files() -> Iterator[Path]:
    """The files that may hold rows about people; links are not followed."""
    for folder in settings.PERSONAL_FILES:
        yield from (
            path for path in sorted(Path(folder).rglob("*")) if path.is_file() and not path.is_symlink()
        )


def files_of_imports(paths: Collection[Path]) -> Iterator[MappedFile]:
    """Lists on their way in and files of refused rows, among these, each with the mapping that it was read by."""
    names = [str(path) for path in paths]
    lists = PeopleImport.objects.filter(path__in=names).values_list("path", "mapping")
    yield from ((Path(path), mapping) for path, mapping in lists)
    refused = SyncRun.objects.filter(rejects_path__in=names)
    mappings = dict(DataSource.objects.values_list("name", "mapping"))
    for path, source, listed in refused.values_list("rejects_path", "source", "people_import__mapping"):
        if mapping := listed or mappings.get(source):
            yield Path(path), mapping


def _mapped(paths: Collection[Path]) -> Iterator[MappedFile]:
    for name in settings.FILE_MAPPINGS:
        find: Callable[[Collection[Path]], Iterable[MappedFile]] = import_string(name)
        yield from find(paths)


def _either_spelling(subject: Subject) -> str:
    """The words as UTF-8, and as they look where a file in Windows' Western code page is taken for UTF-8."""
    foreign = (word for word in subject.words if not word.isascii())
    seen = {word.encode("cp1252", "ignore").decode("utf-8", "surrogateescape") for word in foreign}
    return subject.pattern_of([*subject.words, *sorted(seen)])


def _encoding(path: Path) -> str:
    """UTF-16 by its mark or by its zeros, otherwise UTF-8; the mark stays in the text."""
    with _binary(path) as file:
        head = file.read(1024)
    if head.startswith(b"\xff\xfe") or head[1::2].count(0) > len(head) // 4:
        return "utf-16-le"
    if head.startswith(b"\xfe\xff") or head[::2].count(0) > len(head) // 4:
        return "utf-16-be"
    return "utf-8"


def _binary(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path, "rb")) if _is_gzip(path) else path.open("rb")


def _open(path: Path, mode: Literal["rt", "wt"], *, like: Path) -> IO[str]:
    encoding = _encoding(like)
    errors = "surrogateescape" if encoding == "utf-8" else "surrogatepass"
    if _is_gzip(like):
        return gzip.open(path, mode, encoding=encoding, errors=errors, newline="")
    return path.open(mode, encoding=encoding, errors=errors, newline="")


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _mentions(path: Path, search: _Search) -> bool:
    """Whether a row names the person; a damaged archive is told to the log and left to whoever put it there."""
    try:
        with _open(path, "rt", like=path) as file:
            return any(is_theirs for _, is_theirs in _judged(file, search))
    except (OSError, EOFError, zlib.error, UnicodeError) as error:
        logger.warning("%s cannot be searched for an erased person: %s", path.name, error)
        return False


def _rewrite(path: Path, search: _Search) -> bool:
    """Write the file anew, and say so; one that its owner took away meanwhile stays away."""
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    draft = Path(name)
    try:
        with _open(path, "rt", like=path) as old, _open(draft, "wt", like=path) as new:
            new.writelines(text for text, is_theirs in _judged(old, search) if not is_theirs)
        draft.chmod(path.stat().st_mode & 0o777)
        draft.replace(path)
    except FileNotFoundError:
        return False
    finally:
        draft.unlink(missing_ok=True)
    return True


def _judged(file: Iterable[str], search: _Search) -> Iterator[tuple[str, bool]]:
    """The rows of a file as they are written, each with whether it names the person."""
    lines = iter(file)
    first = next(lines, "")
    delimiter = _delimiter(first)
    places = list[tuple[int, str]]()
    for number, text in enumerate(_records(chain([first], lines), delimiter)):
        if not number and search.cells:
            places = _places(_cells(text.removeprefix("\ufeff"), delimiter), search.cells)
        is_theirs = search.pattern.search(text) is not None
        if places and number and not is_theirs:
            row = _cells(text, delimiter)
            is_theirs = any(at < len(row) and row[at] == value for at, value in places)
        yield text, is_theirs


def _delimiter(header: str) -> str:
    """The one character of those usual that stands between the names of the columns, most often."""
    bare = re.sub(r'"[^"]*"', "", header)
    return max(_DELIMITERS, key=bare.count)


def _places(header: list[str], cells: Cells) -> list[tuple[int, str]]:
    return [(header.index(name), value) for name, value in sorted(cells) if name in header]


def _cells(text: str, delimiter: str) -> list[str]:
    """The cells of a row, without the apostrophe that keeps a spreadsheet from calculating.

    A row that is no CSV is cut at each delimiter.
    """
    csv.field_size_limit(sys.maxsize)
    try:
        row = next(csv.reader([text], delimiter=delimiter), [])
    except csv.Error:
        row = text.split(delimiter)
    return [cell.strip().removeprefix("'") for cell in row]


def _records(lines: Iterator[str], delimiter: str) -> Iterator[str]:
    """Lines, those together between which a quotation mark at the beginning of a cell stays open.

    One that is never closed is none: after a thousand lines its line is taken as it stands. In JSON each line is one.
    """
    waiting = deque[str]()
    is_json = None
    while (line := waiting.popleft() if waiting else next(lines, "")) != "":
        if is_json is None:
            is_json = line.lstrip("\ufeff \t\r\n")[:1] in ("{", "[")
        record = [line]
        is_open = not is_json and _stays_open(line.removeprefix("\ufeff"), delimiter)
        while is_open:
            more = waiting.popleft() if waiting else next(lines, "")
            if not more or len(record) >= _LONGEST_RECORD:
                waiting.extendleft(reversed([*record[1:], *([more] if more else [])]))
                del record[1:]
                break
            record.append(more)
            is_open = _stays_open(more, delimiter, is_open=True)
        yield "".join(record)


def _stays_open(line: str, delimiter: str, *, is_open: bool = False) -> bool:
    """Whether the line ends within quotation marks, as `csv` reads them, having begun so or not."""
    at = 0
    while True:
        mark = _CLOSES.match(line, at) if is_open else _OPENS[delimiter].search(line, at)
        if mark is None:
            return is_open
        at, is_open = mark.end(), not is_open
