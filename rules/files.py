"""Documents as YAML or JSON text, both ways."""

from typing import Any

import yaml

from common.plain_data import PlainDataError, load_plain
from rules.documents import DocumentError

LARGEST_FILE = 200_000
_LINE_BREAKS = ("\x85", "\u2028", "\u2029")
_READING_ORDER = (
    "key name slot needs_approval trigger only_if reentry goal leave_if steps wait for until on at_most branch"
    " split send webhook rules when then otherwise tests customer expect attributes facts events segments"
    " stage scores consents experiments all any not attribute fact event score segment consent experiment variant"
    " op value where count within between followed_by not_followed_by show recommend strategy set exclude suppress"
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


class _Dumper(yaml.SafeDumper):
    """YAML whose texts with Unicode's own line breaks are written with escapes: bare ones are read as blanks."""


def _text(dumper: _Dumper, text: str) -> yaml.ScalarNode:
    style = '"' if any(mark in text for mark in _LINE_BREAKS) else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _text)


def dump_text(raw: Any) -> str:
    """Return the value as YAML that `load_text` reads back to the same."""
    return yaml.dump(ordered(raw), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)


def ordered(raw: Any) -> Any:
    """Return the value with its keys in the order of reading: PostgreSQL keeps them by their length."""
    if isinstance(raw, list):
        return [ordered(item) for item in raw]
    if not isinstance(raw, dict):
        return raw
    keys = sorted(raw, key=lambda key: (_RANK.get(key, len(_RANK)), str(key)))
    return {key: ordered(raw[key]) for key in keys}
