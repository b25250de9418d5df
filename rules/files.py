"""Documents as YAML or JSON text, both ways."""

from typing import Any

import yaml

from common.plain_data import PlainDataError, load_plain
from rules.documents import DocumentError

LARGEST_FILE = 200_000
_READING_ORDER = (
    "rules name when then otherwise all any not attribute fact event score segment consent experiment variant"
    " op value where count within between not_followed_by show recommend strategy set exclude suppress"
)
_RANK = {key: rank for rank, key in enumerate(_READING_ORDER.split())}


def load_text(written: str) -> Any:
    """Return the value of a YAML or JSON text. Raises DocumentError with the line."""
    if len(written) > LARGEST_FILE:
        raise DocumentError(f"document: more than {LARGEST_FILE:,} characters.")
    try:
        return load_plain(written)
    except PlainDataError as error:
        raise DocumentError(str(error)) from error


def dump_text(raw: Any) -> str:
    """Return the value as YAML that `load_text` reads back to the same."""
    return yaml.safe_dump(_ordered(raw), sort_keys=False, allow_unicode=True, width=100)


def _ordered(raw: Any) -> Any:
    """PostgreSQL keeps JSON keys by their length; people read `when` before `then`."""
    if isinstance(raw, list):
        return [_ordered(item) for item in raw]
    if not isinstance(raw, dict):
        return raw
    keys = sorted(raw, key=lambda key: (_RANK.get(key, len(_RANK)), str(key)))
    return {key: _ordered(raw[key]) for key in keys}
