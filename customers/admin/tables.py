"""What tables of the admin share: written by machines, or too big to count."""

from typing import Any

from django.core.paginator import Paginator
from django.db import connection
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin


class ReadOnly:
    """Rows that only machines write."""

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody adds them by hand."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody changes them by hand."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nobody deletes them by hand."""
        return False


class EstimatingPaginator(Paginator):  # type: ignore[type-arg]
    """Does not count a big table for a page: PostgreSQL's own estimate says how many pages there are."""

    @cached_property
    def count(self) -> int:
        """The estimate for a whole table of more than 10,000 rows, else the exact number."""
        query = getattr(self.object_list, "query", None)
        if query is not None and not query.where:
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass",
                    [query.model._meta.db_table],
                )
                estimate = int(cursor.fetchone()[0])
            if estimate > 10_000:
                return estimate
        return int(super().count)


class BigTable(ModelAdmin):  # type: ignore[misc]
    """A table too big to count for a page."""

    show_full_result_count = False
    paginator = EstimatingPaginator
    list_per_page = 50
