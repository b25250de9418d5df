"""JSON records as rows: a mapping names their values by dotted paths, such as `customer.address.country`."""

import json
from typing import Any

from customers.importing.reading import is_clean
from customers.importing.values import columns_of


def header_of(mapping: Any) -> list[str]:
    """Return the paths that a mapping reads: the header that its records are given."""
    return sorted(columns_of(mapping) - {"occurrence"})


def found(value: Any, path: str) -> Any:
    """Follow a dotted path; None where it leads nowhere. An empty path is the value itself."""
    for part in filter(None, path.split(".")):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def row_of(record: Any, header: list[str]) -> list[str] | str:
    """Return a record as the texts of the header's paths, or the reason why it is none."""
    if not isinstance(record, dict):
        return "not_an_object"
    row = [_as_text(found(record, name)) for name in header]
    return row if is_clean(row) else "bad_encoding"


def _as_text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
