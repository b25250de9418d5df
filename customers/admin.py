"""Customers and their history in the admin. What machines write is read-only here."""

from base64 import b64decode
from datetime import date
from functools import partial
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.core.paginator import Paginator
from django.db import connection, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.functional import cached_property
from unfold.admin import ModelAdmin, TabularInline

from accounts.models import User
from customers import consent, tasks
from customers.importing.schema import MappingError, check_mapping
from customers.models import (
    Consent,
    ConsentText,
    Customer,
    CustomerFacts,
    CustomerIdentity,
    Event,
    EventHook,
    EventName,
    ExchangeRate,
    Order,
    OrderLine,
    Refund,
    Score,
    SourcePolicy,
    Suppression,
    SyncRun,
)
from customers.models.tracking import name_key
from customers.profiles import touch


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


class IdentityInline(ReadOnly, TabularInline):  # type: ignore[misc]
    """By which ids sources know the customer."""

    model = CustomerIdentity
    fields = ("namespace", "value", "attached_by", "created_at")
    extra = 0


class FactsInline(ReadOnly, TabularInline):  # type: ignore[misc]
    """What is summed up of the customer."""

    model = CustomerFacts
    fields = ("orders_count", "revenue_minor", "refunded_minor", "last_order_at", "last_seen_at")
    extra = 0


class ScoreInline(ReadOnly, TabularInline):  # type: ignore[misc]
    """What formulas and models say about the customer."""

    model = Score
    fields = ("kind", "value", "percentile", "model_version", "computed_at")
    extra = 0


class ConsentInline(ReadOnly, TabularInline):  # type: ignore[misc]
    """What the customer allowed."""

    model = Consent
    fields = ("purpose", "is_granted", "changed_at", "source", "proof")
    extra = 0


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


@admin.register(Customer)
class CustomerAdmin(BigTable):
    """Search by the beginning of an e-mail address, or by a whole id of any source."""

    list_display = ("__str__", "email", "country", "source", "created_at")
    search_fields = ("email",)
    search_help_text = "The beginning of an e-mail address, or the whole id that a source uses"
    list_filter = ("is_anonymous", "allows_profiling")
    ordering = ("-id",)
    readonly_fields = (
        "public_id",
        "email",
        "is_anonymous",
        "erased_at",
        "source",
        "created_at",
        "updated_at",
    )
    inlines = (IdentityInline, FactsInline, ScoreInline, ConsentInline)
    actions = ("withdraw_consent", "suppress_addresses")

    @admin.action(description="Record that they want no more marketing e-mail", permissions=["change"])
    def withdraw_consent(self, request: HttpRequest, queryset: QuerySet[Customer]) -> None:
        """Store what somebody said on the telephone or in a letter."""
        ids = list(queryset.values_list("pk", flat=True))
        count = consent.withdraw(ids, source="admin", proof=f"Recorded by {request.user}")
        self.message_user(
            request, f"Recorded: {count} of {len(ids)} get no more marketing e-mail from now on."
        )

    @admin.action(description="Suppress their addresses: no mail at all", permissions=["change"])
    def suppress_addresses(self, request: HttpRequest, queryset: QuerySet[Customer]) -> None:
        """Stop every mail to the addresses; deleting the suppression allows it again."""
        emails = queryset.exclude(email=None).values_list("email", flat=True)
        count = sum(consent.suppress(email, Suppression.Reason.MANUAL) for email in emails if email)
        self.message_user(request, f"{count} addresses get no mail at all from now on.")

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Customer], search_term: str
    ) -> tuple[QuerySet[Customer], bool]:
        """Look where an index helps: no search inside of words."""
        term = search_term.strip()
        if not term:
            return queryset, False
        by_identity = CustomerIdentity.objects.filter(value=term).values("customer_id")
        return queryset.filter(Q(email__startswith=term) | Q(pk__in=by_identity)), False

    def save_model(self, request: HttpRequest, obj: Customer, form: Any, change: bool) -> None:
        """Save, tell the listeners that the customer changed, and log a changed answer about profiling."""
        super().save_model(request, obj, form, change)
        if "allows_profiling" in form.changed_data:
            answer = consent.grant if obj.allows_profiling else consent.withdraw
            answer([obj.pk], Consent.Purpose.PROFILING, source="admin")
        touch([obj.pk])

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A customer is erased with everything that belongs to them, not deleted as a row."""
        return False


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


@admin.register(Consent)
class ConsentAdmin(ReadOnly, BigTable):
    """Present answers; forms, imports and unsubscribe links write them, each with its proof."""

    list_display = ("customer", "purpose", "is_granted", "changed_at", "source")
    list_select_related = ("customer",)
    list_filter = ("purpose", "is_granted")
    search_fields = ("customer__email__startswith",)
    ordering = ("-id",)


@admin.register(ConsentText)
class ConsentTextAdmin(BigTable):
    """Wordings that people agree to. A new one is a new version; those that were shown stay as they are."""

    list_display = ("purpose", "version", "wording", "created_at")
    list_filter = ("purpose",)
    fields = ("purpose", "wording")
    ordering = ("purpose", "-version")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was agreed to cannot be reworded."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """What was agreed to is kept."""
        return False

    def save_model(self, request: HttpRequest, obj: ConsentText, form: Any, change: bool) -> None:
        """Store the wording as the next version."""
        obj.pk = consent.publish_text(obj.purpose, obj.wording).pk


@admin.register(Suppression)
class SuppressionAdmin(BigTable):
    """Suppressed addresses as hashes. Deleting one allows mail to the address again."""

    list_display = ("__str__", "scope", "reason", "created_at")
    list_filter = ("scope", "reason")
    readonly_fields = ("scope", "reason", "created_at")
    ordering = ("-created_at",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """A hash cannot be typed."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """There is nothing to change."""
        return False


@admin.register(SyncRun)
class SyncRunAdmin(ReadOnly, BigTable):
    """The books of imports and synchronisations."""

    list_display = (
        "source",
        "status",
        "started_at",
        "rows_in",
        "inserted",
        "duplicates",
        "rejected_count",
        "adds_up",
    )
    list_filter = ("status", "source")
    ordering = ("-started_at",)

    @admin.display(boolean=True, description="Adds up")
    def adds_up(self, run: SyncRun) -> bool:
        """Whether every row is accounted for."""
        return run.adds_up


class EventNameForm(forms.ModelForm):  # type: ignore[type-arg]
    """A name that is not there in another spelling."""

    class Meta:
        model = EventName
        fields = ("name", "type")

    def clean_name(self) -> str:
        """Refuse what differs from another name in capitals, blanks, _ and - only."""
        name: str = self.cleaned_data["name"]
        same = EventName.objects.filter(key=name_key(name)).first()
        if same is not None:
            raise ValidationError(f"This is the name {same}, which is there already.")
        return name


@admin.register(EventName)
class EventNameAdmin(ModelAdmin):  # type: ignore[misc]
    """The names that trackers send, and what they count as. A name with a number of its own stays for ever."""

    form = EventNameForm
    list_display = ("name", "type", "number", "source", "created_at")
    list_filter = ("type",)
    search_fields = ("name",)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """A name is what is sent: another one is another row."""
        return ("name", "number") if obj else ("number",)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Only a name that no stored event is called by may go; its number is free then."""
        is_used = (
            obj is not None and obj.number is not None and Event.objects.filter(type=obj.number).exists()
        )
        return super().has_delete_permission(request, obj) and not is_used

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Deleting many at once would not ask for each whether events are called by it."""
        return {name: act for name, act in super().get_actions(request).items() if name != "delete_selected"}


class EventHookForm(forms.ModelForm):  # type: ignore[type-arg]
    """A hook whose mapping and secret are checked before they are kept."""

    class Meta:
        model = EventHook
        fields = ("name", "mapping", "secret", "is_enabled")

    def clean_mapping(self) -> Any:
        """Refuse a mapping that could not be used, and name the places."""
        mapping = self.cleaned_data["mapping"]
        try:
            check_mapping(mapping)
        except MappingError as error:
            raise ValidationError(str(error).splitlines()) from error
        return mapping

    def clean_secret(self) -> str:
        """Refuse a secret that nothing could be signed with."""
        secret: str = self.cleaned_data["secret"]
        try:
            is_long_enough = len(b64decode(secret.removeprefix("whsec_"), validate=True)) >= 24
        except ValueError:
            is_long_enough = False
        if not is_long_enough:
            raise ValidationError("Give whsec_ and the base64 of at least 24 bytes.")
        return secret


@admin.register(EventHook)
class EventHookAdmin(ModelAdmin):  # type: ignore[misc]
    """Addresses that other systems post their events to."""

    form = EventHookForm
    list_display = ("name", "is_enabled", "created_at")

    def get_exclude(self, request: HttpRequest, obj: EventHook | None = None) -> list[str]:
        """Who has the secret can send events in the shop's name: administrators alone see it."""
        return [] if cast(User, request.user).may_administer else ["secret"]


@admin.register(SourcePolicy)
class SourcePolicyAdmin(ModelAdmin):  # type: ignore[misc]
    """What a source's word is worth."""

    list_display = ("source", "attaches_by_email", "changes_email", "orders_namespace", "orders_rank")
    search_fields = ("source",)

    def has_delete_permission(self, request: HttpRequest, obj: SourcePolicy | None = None) -> bool:
        """Without it the source's orders would be read again under another name."""
        is_used = obj is not None and bool(obj.orders_namespace) and obj.has_orders_elsewhere("")
        return super().has_delete_permission(request, obj) and not is_used

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Deleting many at once would not ask each whether it is used."""
        return {name: act for name, act in super().get_actions(request).items() if name != "delete_selected"}


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
