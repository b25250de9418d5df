"""Rows about a person in files: refused rows of imports, and what waits in the drop folder."""

import csv
import gzip
import logging
import os
import re
import sys
import tempfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Literal

from django.conf import settings

from customers.policies import Subject

logger = logging.getLogger(__name__)


def remove_lines_about(subject: Subject) -> int:
    """Write each file in `settings.PERSONAL_FILES` that names the person anew without those rows; returns how many.

    Rows of CSV files are compared as rows, other files line by line. A file appears whole or not at all.
    """
    if not subject.words:
        return 0
    pattern = re.compile(subject.pattern, re.IGNORECASE)
    return sum(_rewrite(path, pattern) for path in personal_files() if _mentions(path, pattern))


def personal_files() -> Iterator[Path]:
    """The files that may hold rows about people; links are not followed."""
    for folder in settings.PERSONAL_FILES:
        yield from (
            path for path in sorted(Path(folder).rglob("*")) if path.is_file() and not path.is_symlink()
        )


def _open(path: Path, mode: Literal["rt", "wt"], *, like: Path) -> IO[str]:
    if _is_gzip(like):
        return gzip.open(path, mode, encoding="utf-8", errors="surrogateescape", newline="")
    return path.open(mode, encoding="utf-8", errors="surrogateescape", newline="")


def _is_gzip(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def _mentions(path: Path, pattern: re.Pattern[str]) -> bool:
    """Whether a line names the person; a damaged archive is told to the log and left to whoever put it there."""
    try:
        with _open(path, "rt", like=path) as file:
            return any(pattern.search(line) for line in file)
    except (OSError, EOFError, zlib.error) as error:
        logger.warning("%s cannot be searched for an erased person: %s", path.name, error)
        return False


def _rewrite(path: Path, pattern: re.Pattern[str]) -> bool:
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(handle)
    draft = Path(name)
    try:
        with _open(path, "rt", like=path) as old, _open(draft, "wt", like=path) as new:
            if ".csv" in path.suffixes:
                csv.field_size_limit(sys.maxsize)
                rows = csv.reader(old)
                csv.writer(new).writerows(row for row in rows if not any(map(pattern.search, row)))
            else:
                new.writelines(line for line in old if not pattern.search(line))
        draft.chmod(path.stat().st_mode & 0o777)
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
    return True
