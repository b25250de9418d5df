"""Customers, with what is known of them."""

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from unfold.admin import TabularInline

from customers import consent
from customers.admin.tables import BigTable, ReadOnly
from customers.models import Consent, Customer, CustomerFacts, CustomerIdentity, Score, Suppression
from customers.profiles import touch


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
