"""Experiments in the admin: planned here, read-only from the start on."""

import secrets
from collections import Counter
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import connection
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

from experiments.assigning import SAME_SALT
from experiments.models import Experiment, Variant
from experiments.stats.assignment import WHOLE


class VariantFormSet(BaseInlineFormSet):  # type: ignore[type-arg]
    """Arms that together make a plan: weights add up, and no holdout is there twice."""

    def clean(self) -> None:
        """Refuse weights that do not add up to 10,000 and a second baseline or no-mail arm."""
        super().clean()
        kept = [form.cleaned_data for form in self.forms if form.cleaned_data]
        arms = [data for data in kept if not data.get("DELETE") and "weight" in data]
        total = sum(arm["weight"] for arm in arms)
        if total != WHOLE:
            raise ValidationError(f"The weights must add up to {WHOLE:,} basis points; these make {total:,}.")
        names = [arm["name"].strip().lower() for arm in arms]
        if len(set(names)) < len(names):
            raise ValidationError("Two arms have the same name: results call them by it.")
        roles = Counter(arm.get("role") for arm in arms)
        if roles[Variant.Role.BASELINE] > 1 or roles[Variant.Role.NO_MAIL] > 1:
            raise ValidationError("An experiment has at most one baseline and at most one arm without mail.")
        if roles[Variant.Role.REMAINDER] > 1:
            raise ValidationError("At most one arm waits for the winner.")
        salts = [arm["salt"] for arm in arms if arm.get("salt")]
        if len(set(salts)) < len(salts):
            raise ValidationError("Two holdouts with the same salt would not be drawn apart.")
        if self.instance.salt in salts:
            raise ValidationError(SAME_SALT)


class FrozenOnceStarted:
    """Nothing of a started experiment changes: whoever reads its result must be able to trust its plan."""

    def has_change_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        """Until the start."""
        return not _started(obj) and super().has_change_permission(request, obj)  # type: ignore[misc]

    def has_delete_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        """Until the start."""
        return not _started(obj) and super().has_delete_permission(request, obj)  # type: ignore[misc]


class VariantInline(FrozenOnceStarted, TabularInline):  # type: ignore[misc]
    """An experiment's arms. A campaign's are changed on its page: there each has a template and an approval to lose."""

    model = Variant
    formset = VariantFormSet
    fields = ("position", "key", "name", "role", "weight", "salt")
    extra = 0
    min_num = 2

    def has_add_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        """Until the start, and of no campaign."""
        return not _is_planned_elsewhere(obj) and super().has_add_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        """Until the start, and of no campaign."""
        return not _is_planned_elsewhere(obj) and super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        """Until the start, and of no campaign."""
        return not _is_planned_elsewhere(obj) and super().has_delete_permission(request, obj)


@admin.register(Experiment)
class ExperimentAdmin(FrozenOnceStarted, ModelAdmin):  # type: ignore[misc]
    """Planned here until the start, read-only afterwards."""

    list_display = ("name", "key", "tests", "decided_by", "method", "started_at", "decided_at")
    list_select_related = ("imported",)
    list_filter = ("primary_metric", "tests", "method")
    search_fields = ("name", "key", "hypothesis", "learnings")
    readonly_fields = (
        "created_at",
        "started_at",
        "decided_at",
        "decided_variant",
        "learnings",
        "archived_at",
    )
    fieldsets = (
        (None, {"fields": ("name", "key", "salt", "hypothesis", "tests")}),
        (
            "What decides",
            {
                "fields": (
                    "primary_metric",
                    "conversion_window_days",
                    "guardrails",
                    "guardrail_margin",
                    "alpha",
                    "power",
                    "method",
                    "looks",
                )
            },
        ),
        (
            "What it was planned with",
            {"fields": ("smallest_effect", "expected_value", "expected_deviation", "planned_customers")},
        ),
        (
            "The winner",
            {"fields": ("winner", "remainder_percent", "minimum_wait_hours", "no_winner", "allocation")},
        ),
        ("What came of it", {"fields": readonly_fields}),
    )
    prepopulated_fields = {"key": ("name",)}
    inlines = (VariantInline,)

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Experiment | None:
        """The experiment, locked until what is posted is stored: one that starts meanwhile is seen to have started."""
        if request.method == "POST" and connection.in_atomic_block:
            list(
                Experiment.objects.select_for_update().filter(
                    pk__in=[object_id] if object_id.isdigit() else []
                )
            )
        found: Experiment | None = super().get_object(request, object_id, from_field)
        return found

    def get_readonly_fields(self, request: HttpRequest, obj: Experiment | None = None) -> tuple[str, ...]:
        """A plan that a campaign's page makes is not changed here: there it is worked out what the plan needs."""
        if not hasattr(obj, "campaign"):
            return self.readonly_fields
        return (*self.readonly_fields, "key", "salt", *Experiment.PLAN)

    @admin.display(description="decided by", ordering="primary_metric")
    def decided_by(self, experiment: Experiment) -> str:
        """The primary metric; of an imported experiment its own name, which may be none of ours."""
        imported = getattr(experiment, "imported", None)
        return imported.primary if imported else experiment.get_primary_metric_display()

    def save_model(self, request: HttpRequest, obj: Experiment, form: Any, change: bool) -> None:
        """Write what was changed, and nothing that the form does not have."""
        obj.save(update_fields=form.changed_data if change else None)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A salt of its own for every experiment, so that no two of them split customers alike."""
        return {"salt": secrets.token_hex(8), **super().get_changeform_initial_data(request)}

    def get_prepopulated_fields(self, request: HttpRequest, obj: Experiment | None = None) -> dict[str, Any]:
        """None where the form is read-only, because there is no field to fill then."""
        return {} if _is_planned_elsewhere(obj) else super().get_prepopulated_fields(request, obj)


def _started(experiment: Experiment | None) -> bool:
    return experiment is not None and experiment.started_at is not None


def _is_planned_elsewhere(experiment: Experiment | None) -> bool:
    """Whether it has started, or a campaign's page plans it."""
    return _started(experiment) or hasattr(experiment, "campaign")
