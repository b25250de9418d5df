from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from campaigns.field_uses import forget_campaign, tell_campaign
from campaigns.models import Block, Campaign, Template, TemplateVersion
from campaigns.timing_forms import TimingForm


@admin.register(Template)
class TemplateAdmin(ModelAdmin):
    list_display = ["name", "key"]
    search_fields = ["name"]


@admin.register(TemplateVersion)
class TemplateVersionAdmin(ModelAdmin):
    list_display = ["template", "number", "subject", "note", "author", "created_at"]
    list_select_related = ["template", "author"]

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_change_permission(self, request: object, obj: object = None) -> bool:
        return False

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        return False


@admin.register(Block)
class BlockAdmin(ModelAdmin):
    """Blocks are written on their own pages, in versions."""

    list_display = ["name", "key", "newest"]
    list_select_related = ["newest__block"]
    search_fields = ["name"]
    readonly_fields = ["key"]

    def has_add_permission(self, request: object) -> bool:
        return False

    def has_delete_permission(self, request: object, obj: object = None) -> bool:
        return False


@admin.register(Campaign)
class CampaignAdmin(ModelAdmin):
    list_display = ["name", "segment", "state", "launched_at", "created_by"]
    list_select_related = ["segment", "created_by"]
    exclude = tuple(TimingForm.base_fields)
    readonly_fields = ["state", "dispatch", "launch_at", "launched_at", "created_by"]

    def has_change_permission(self, request: HttpRequest, obj: Campaign | None = None) -> bool:
        """A launched campaign is history: it can be looked at, not rewritten."""
        is_draft = obj is None or obj.state == Campaign.State.DRAFT
        return is_draft and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: object, obj: Campaign | None = None) -> bool:
        return obj is not None and obj.state == Campaign.State.DRAFT

    def save_model(self, request: HttpRequest, obj: Campaign, form: Any, change: bool) -> None:
        """Save, and tell the segment who uses it. Of a draft only what was changed is written, while it is one."""
        if change:
            self._lock_draft(obj)
            obj.save(update_fields=form.changed_data)
        else:
            super().save_model(request, obj, form, change)
        tell_campaign(obj)

    def delete_model(self, request: HttpRequest, obj: Campaign) -> None:
        """Delete what is still a draft, and let the segment go."""
        self._lock_draft(obj)
        forget_campaign(obj.pk)
        super().delete_model(request, obj)

    def _lock_draft(self, obj: Campaign) -> None:
        """Keep a draft what it is until the request is done; refuse what is none any more."""
        drafts = Campaign.objects.select_for_update().filter(pk=obj.pk, state=Campaign.State.DRAFT)
        if not drafts.exists():
            raise PermissionDenied("This campaign was scheduled or launched in the meantime.")
