"""Sources in the admin: what is read on a schedule, and how."""

from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from connectors.feeds import NO_OCCURRENCE
from connectors.models import Source
from connectors.tasks import sync_source
from customers.importing_forms import MappedForm


class SourceForm(MappedForm):
    """A source whose mapping is checked before it is kept."""

    class Meta:
        model = Source
        fields = ("name", "kind", "location", "mapping", "every_minutes", "is_enabled")

    def clean_location(self) -> str:
        """Refuse addresses that are not spoken, before a run fails on them."""
        location: str = self.cleaned_data["location"]
        is_address = location.startswith(("http://", "https://"))
        if self.cleaned_data.get("kind") == Source.Kind.HTTP_JSON and not is_address:
            raise ValidationError("The address must begin with http:// or https://.")
        return location

    def clean(self) -> dict[str, Any]:
        """Refuse to count rows that come in pages."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        mapping = cleaned.get("mapping") or {}
        if cleaned.get("kind") == Source.Kind.HTTP_JSON and "occurrence" in mapping:
            self.add_error("mapping", NO_OCCURRENCE)
        return cleaned


@admin.register(Source)
class SourceAdmin(ModelAdmin):  # type: ignore[misc]
    """Sources, with an action that reads them now."""

    form = SourceForm
    list_display = ("name", "kind", "location", "every_minutes", "is_enabled")
    list_filter = ("kind", "is_enabled")
    readonly_fields = ("cursor",)
    actions = ("read_now",)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Source]) -> None:
        """Delete one by one: each takes its declaration back."""
        for source in queryset:
            source.delete()

    @admin.action(description="Read now", permissions=["change"])
    def read_now(self, request: HttpRequest, queryset: QuerySet[Source]) -> None:
        """Ring for the chosen sources; their books show what came."""
        for id in queryset.values_list("pk", flat=True):
            sync_source.delay(id)
        self.message_user(request, "The sources are being read; see Sync runs.", messages.SUCCESS)
