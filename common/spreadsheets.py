"""CSV files that people open in a spreadsheet, where a cell may be taken for a formula."""

import re

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
