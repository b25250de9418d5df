from django.contrib import admin
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from rules.models import RuleSet, RuleSetVersion


class VersionInline(TabularInline):
    """The history of a rule set; nothing of it can be changed."""

    model = RuleSetVersion
    fk_name = "rule_set"
    fields = ["number", "note", "author", "base", "created_at"]
    readonly_fields = fields
    extra = 0
    can_delete = False

    def has_add_permission(self, request: HttpRequest, obj: RuleSet | None = None) -> bool:
        return False


@admin.register(RuleSet)
class RuleSetAdmin(ModelAdmin):
    list_display = ["name", "key", "slot", "live_version"]
    list_select_related = ["live_version__rule_set"]
    search_fields = ["name", "key"]
    readonly_fields = ["live_version"]
    inlines = [VersionInline]

    def has_delete_permission(self, request: HttpRequest, obj: RuleSet | None = None) -> bool:
        return False
