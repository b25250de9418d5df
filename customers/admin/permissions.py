"""What customers allowed, the wordings they saw, and addresses that are never written to."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from customers import consent
from customers.admin.tables import BigTable, ReadOnly
from customers.models import Consent, ConsentText, Suppression


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
