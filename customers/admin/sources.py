"""Where news come from: the books of imports, names of events, hooks, and what a source's word is worth."""

from base64 import b64decode
from typing import Any, cast

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from accounts.models import User
from customers.admin.tables import BigTable, ReadOnly
from customers.importing_forms import MappedForm
from customers.models import Event, EventHook, EventName, SourcePolicy, SyncRun
from customers.models.tracking import name_key


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


class EventHookForm(MappedForm):
    """A hook whose mapping and secret are checked before they are kept."""

    class Meta:
        model = EventHook
        fields = ("name", "mapping", "secret", "is_enabled")

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
