from django.contrib import admin
from unfold.admin import ModelAdmin

from campaigns.models import Block, Campaign, Template, TemplateVersion
from campaigns.publishing import save_block


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
    list_display = ["name", "key", "updated_at"]
    search_fields = ["name"]

    def save_model(self, request: object, obj: Block, form: object, change: bool) -> None:
        obj.compiled_html = save_block(key=obj.key, name=obj.name, mjml=obj.mjml).compiled_html


@admin.register(Campaign)
class CampaignAdmin(ModelAdmin):
    list_display = ["name", "segment", "state", "launched_at", "created_by"]
    list_select_related = ["segment", "created_by"]
    readonly_fields = ["state", "dispatch", "launched_at", "created_by"]

    def has_delete_permission(self, request: object, obj: Campaign | None = None) -> bool:
        return obj is not None and obj.state == Campaign.State.DRAFT
