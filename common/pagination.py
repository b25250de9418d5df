"""Pages of big tables without counting them: a cursor is the id of a row at the edge of the page."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Generic, TypeVar

from django.db.models import Model, QuerySet

M = TypeVar("M", bound=Model)
_DIGITS = 18


@dataclass(frozen=True, kw_only=True)
class CursorPage(Generic[M]):
    """Some rows, newest first, and where to go on: a cursor is "" where the table ends."""

    rows: list[M]
    previous_cursor: str
    next_cursor: str

    def __iter__(self) -> Iterator[M]:
        return iter(self.rows)

    def __len__(self) -> int:
        return len(self.rows)


def cursor_page(queryset: QuerySet[M], *, cursor: str = "", size: int = 50) -> CursorPage[M]:
    """One page of a queryset by descending id, in one query.

    `cursor` comes from the last page's `next_cursor` ("before:ID") or `previous_cursor` ("after:ID");
    an unreadable one shows the first page.
    """
    direction, _, text = cursor.partition(":")
    key = int(text) if text.isdecimal() and len(text) <= _DIGITS else None
    if key is None or direction not in {"before", "after"}:
        return _older(queryset.order_by("-pk"), size=size, is_first=True)
    if direction == "before":
        return _older(queryset.filter(pk__lt=key).order_by("-pk"), size=size, is_first=False)
    return _newer(queryset.filter(pk__gt=key).order_by("pk"), size=size)


def _older(queryset: QuerySet[M], *, size: int, is_first: bool) -> CursorPage[M]:
    found = list(queryset[: size + 1])
    rows = found[:size]
    return CursorPage(
        rows=rows,
        previous_cursor=f"after:{rows[0].pk}" if rows and not is_first else "",
        next_cursor=f"before:{rows[-1].pk}" if len(found) > size else "",
    )


def _newer(queryset: QuerySet[M], *, size: int) -> CursorPage[M]:
    found = list(queryset[: size + 1])
    rows = found[:size][::-1]
    return CursorPage(
        rows=rows,
        previous_cursor=f"after:{rows[0].pk}" if len(found) > size else "",
        next_cursor=f"before:{rows[-1].pk}" if rows else "",
    )
