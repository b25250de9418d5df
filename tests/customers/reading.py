"""Rows read through a mapping as an import reads them, for the tests of data quality."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from customers.importing.books import open_books
from customers.importing.run import Rejects, import_rows
from customers.models import SyncRun

HEADER = ["id", "order", "at", "amount", "buyer", "mail", "country"]
MAPPING: dict[str, Any] = {
    "version": 1,
    "source": "shop",
    "currency": "EUR",
    "time": {"column": "at"},
    "customer": {
        "id": "{buyer}",
        "email": "{mail}",
        "country": "{country}",
        "attributes": {"club": "{country}"},
    },
    "kinds": [
        {"when": {"column": "order", "equals": "test"}, "reject": "test_order"},
        {"event": "order_line", "id": "{id}", "order": "{order}", "line": "{id}", "value": "{amount}"},
    ],
}


def line(number: int, **cells: str) -> list[str]:
    """A good row, but for the cells given."""
    row = {
        "id": str(number),
        "order": f"A{number}",
        "at": "2026-02-01T10:00:00Z",
        "amount": "10.50",
        "buyer": f"b{number}",
        "mail": f"b{number}@example.com",
        "country": "IE",
    }
    return list((row | cells).values())


def promising(*expectations: dict[str, Any], **changes: Any) -> dict[str, Any]:
    """The mapping with these expectations."""
    return MAPPING | {"expectations": list(expectations)} | changes


def read(
    rows: Sequence[list[str] | str],
    mapping: dict[str, Any] = MAPPING,
    *,
    header: list[str] = HEADER,
    source: str = "shop",
    folder: Path = Path("/nonexistent"),
) -> SyncRun:
    """Import the rows; what is refused goes to a file in the folder."""
    books = open_books(source)
    rejects = Rejects(folder / "rejects.csv", header)
    import_rows(list(map(_copy, rows)), mapping, header=header, books=books, rejects=rejects)
    rejects.close()
    return books.close()


def _copy(row: list[str] | str) -> list[str] | str:
    return list(row) if isinstance(row, list) else row
