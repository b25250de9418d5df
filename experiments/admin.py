"""Experiments in the admin: planned here, read-only from the start on."""

import secrets
from collections import Counter
from typing import Any

from django.contrib import admin
from django.core.exceptions import ValidationError
from django.forms.models import BaseInlineFormSet
from django.http import HttpRequest
from unfold.admin import ModelAdmin, TabularInline

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
        roles = Counter(arm.get("role") for arm in arms)
        if roles[Variant.Role.BASELINE] > 1 or roles[Variant.Role.NO_MAIL] > 1:
            raise ValidationError("An experiment has at most one baseline and at most one arm without mail.")


class FrozenOnceStarted:
    """Nothing of a started experiment changes: whoever reads its result must be able to trust its plan."""

    def has_change_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        """Until the start."""
        return not _started(obj) and super().has_change_permission(request, obj)  # type: ignore[misc]

    def has_delete_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        """Until the start."""
        return not _started(obj) and super().has_delete_permission(request, obj)  # type: ignore[misc]


class VariantInline(FrozenOnceStarted, TabularInline):  # type: ignore[misc]
    """An experiment's arms."""

    model = Variant
    formset = VariantFormSet
    fields = ("position", "key", "name", "role", "weight")
    extra = 0
    min_num = 2

    def has_add_permission(self, request: HttpRequest, obj: Experiment | None = None) -> bool:
        """Until the start."""
        return not _started(obj) and super().has_add_permission(request, obj)


@admin.register(Experiment)
class ExperimentAdmin(FrozenOnceStarted, ModelAdmin):  # type: ignore[misc]
    """Planned here until the start, read-only afterwards."""

    list_display = ("name", "key", "primary_metric", "conversion_window_days", "started_at")
    list_filter = ("primary_metric",)
    search_fields = ("name", "key")
    readonly_fields = ("created_at", "started_at")
    prepopulated_fields = {"key": ("name",)}
    inlines = (VariantInline,)

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """A salt of its own for every experiment, so that no two of them split customers alike."""
        return {"salt": secrets.token_hex(8), **super().get_changeform_initial_data(request)}

    def get_prepopulated_fields(self, request: HttpRequest, obj: Experiment | None = None) -> dict[str, Any]:
        """None where the form is read-only, because there is no field to fill then."""
        return {} if _started(obj) else super().get_prepopulated_fields(request, obj)


def _started(experiment: Experiment | None) -> bool:
    return experiment is not None and experiment.started_at is not None
