"""Orders and refunds, and what other currencies are worth."""

from datetime import date
from functools import partial
from typing import Any

from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline

from customers import tasks
from customers.admin.tables import BigTable, ReadOnly
from customers.models import ExchangeRate, Order, OrderLine, Refund


class LineInline(ReadOnly, TabularInline):  # type: ignore[misc]
    """What was bought."""

    model = OrderLine
    fields = ("line", "product", "description", "quantity", "unit_price_minor", "total_minor")
    extra = 0


@admin.register(Order)
class OrderAdmin(ReadOnly, BigTable):
    """Orders as their sources told them."""

    list_display = ("__str__", "customer", "placed_at", "total_minor", "refunded_minor", "currency")
    list_select_related = ("customer",)
    search_fields = ("external_id__startswith",)
    ordering = ("-placed_at",)
    inlines = (LineInline,)


@admin.register(Refund)
class RefundAdmin(ReadOnly, BigTable):
    """Refunds as their sources told them."""

    list_display = ("__str__", "customer", "refunded_at", "amount_minor", "currency")
    list_select_related = ("customer",)
    search_fields = ("external_id__startswith",)
    ordering = ("-refunded_at",)


@admin.register(ExchangeRate)
class ExchangeRateAdmin(BigTable):
    """What other currencies were worth; `import_rates` brings many. A worker sums up anew whose money they change."""

    list_display = ("currency", "day", "rate")
    list_filter = ("currency",)
    date_hierarchy = "day"

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Another day or currency is another row."""
        return ("day", "currency") if obj else ()

    def save_model(self, request: HttpRequest, obj: ExchangeRate, form: Any, change: bool) -> None:
        """Save, and have the sums follow."""
        super().save_model(request, obj, form, change)
        _refresh_sums([obj.currency], since=obj.day)

    def delete_model(self, request: HttpRequest, obj: ExchangeRate) -> None:
        """Delete, and have the sums follow."""
        super().delete_model(request, obj)
        _refresh_sums([obj.currency], since=obj.day)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[ExchangeRate]) -> None:
        """Do the same for many."""
        since = dict(queryset.order_by("-day").values_list("currency", "day"))
        super().delete_queryset(request, queryset)
        if since:
            _refresh_sums(sorted(since), since=min(since.values()))


def _refresh_sums(currencies: list[str], *, since: date) -> None:
    """Leave it to a worker: here the facts of everybody concerned would stay locked until the request ends."""
    transaction.on_commit(partial(tasks.refresh_sums.delay, currencies, since.isoformat()))
