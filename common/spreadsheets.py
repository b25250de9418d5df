"""CSV files that people open in a spreadsheet, where a cell may be taken for a formula."""

import csv
import re
from collections.abc import Iterable, Sequence

from django.http import HttpResponse

_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n")
_NUMBER = re.compile(r"[+-]?\d+([.,]\d+)?", re.ASCII)


def defused(text: str) -> str:
    """Return the text so that no spreadsheet runs it: what begins like a formula gets an apostrophe; numbers stay."""
    if text.startswith(_STARTS) and not _NUMBER.fullmatch(text):
        return f"'{text}"
    return text


def restored(text: str) -> str:
    """Return what `defused` was given, so that an exported file can be read in again."""
    return text[1:] if text[:1] == "'" and text[1:2] in _STARTS else text


def file_of(rows: Iterable[Sequence[object]], *, name: str) -> HttpResponse:
    """Answer with rows as a file NAME.csv to be stored; no spreadsheet runs any of its texts."""
    response = HttpResponse(
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}.csv"'},
    )
    lines = ([defused(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    csv.writer(response).writerows(lines)
    return response
