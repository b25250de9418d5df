from typing import Any

from django import forms
from django.contrib import admin
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from segments import membership, upkeep
from segments.conditions import ConditionError, parse
from segments.models import Lifecycle, Segment
from segments.nesting import dependants, graph_of, problem_with
from segments.references import SEGMENT
from segments.wording import sentence_of


class SegmentAdminForm(forms.ModelForm):  # type: ignore[type-arg]
    """A segment whose condition can be judged."""

    class Meta:
        model = Segment
        fields = ["name", "key", "description", "parent", "is_core", "condition", "as_of"]

    def clean(self) -> dict[str, Any]:
        """Refuse conditions that cannot be read, and segments that wait for each other."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if "condition" in cleaned:
            candidate = Segment(
                key=cleaned.get("key", self.instance.key),
                name=cleaned.get("name", ""),
                kind=self.instance.kind,
                parent=cleaned.get("parent"),
                condition=cleaned["condition"],
                archived_at=self.instance.archived_at,
            )
            try:
                parse(candidate.condition)
                problem = problem_with(candidate)
            except ConditionError as error:
                problem = str(error)
            if problem:
                self.add_error("condition", problem)
        return cleaned


@admin.register(Segment)
class SegmentAdmin(ModelAdmin):
    form = SegmentAdminForm
    list_display = ["name", "key", "member_count", "refreshed_at", "as_of"]
    search_fields = ["name", "key"]
    readonly_fields = ["sentence", "member_count", "refreshed_at", "refresh_ms", "created_by"]

    @admin.display(description="who is in it")
    def sentence(self, segment: Segment) -> str:
        return sentence_of(segment) if segment.pk else ""

    def get_readonly_fields(self, request: HttpRequest, obj: Segment | None = None) -> list[str]:
        """A key by which other segments may name this one stays."""
        return [*self.readonly_fields, "key"] if obj else self.readonly_fields

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[Any, Any, Any, Any]:
        """Refuse to delete what other segments are built on: it would change who is in them."""
        shown, counts, permissions, protected = super().get_deleted_objects(objs, request)
        chosen = {segment.pk for segment in objs}
        for segment in objs:
            above = [other for other in dependants(segment) if other.pk not in chosen]
            protected += [f"“{other.name}” is built on “{segment.name}”" for other in above]
            users = segment.references.exclude(user_kind=SEGMENT).values_list("label", flat=True)
            protected += [f"{label} uses “{segment.name}”" for label in users]
        return shown, counts, permissions, protected

    def save_model(self, request: HttpRequest, obj: Segment, form: Any, change: bool) -> None:
        if not change:
            obj.created_by = request.user  # type: ignore[assignment]
        membership.store(obj)

    def delete_model(self, request: HttpRequest, obj: Segment) -> None:
        upkeep.delete(obj)

    def delete_queryset(self, request: HttpRequest, queryset: QuerySet[Segment]) -> None:
        """Those that others of them are built on come last."""
        chosen = {segment.key: segment for segment in queryset.select_related("parent")}
        order = graph_of(chosen.values(), stages=()).order(on_circle=lambda circle: None)
        for key in reversed([key for key in order if key in chosen]):
            upkeep.delete(chosen[key])


@admin.register(Lifecycle)
class LifecycleAdmin(ModelAdmin):
    """For which moment the lifecycle is judged; its stages have a page."""

    fields = ["as_of", "refreshed_at", "refresh_ms"]
    list_display = ["__str__", "as_of", "refreshed_at"]
    readonly_fields = ["refreshed_at", "refresh_ms"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def save_model(self, request: HttpRequest, obj: Lifecycle, form: Any, change: bool) -> None:
        with transaction.atomic():
            membership.hold()
            super().save_model(request, obj, form, change)
            membership.refresh_lifecycle(cause="edit")
