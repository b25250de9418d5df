"""Models served elsewhere in the admin: where they are, how often they are asked, how the last round went."""

from typing import Any, cast

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.widgets import UnfoldAdminPasswordWidget

from accounts.models import User
from customers.engagement import KIND as ENGAGEMENT
from recommendations.external.answers import ExternalModelError
from recommendations.external.models import ExternalModel
from recommendations.external.parquet import path_of
from recommendations.tasks import refresh_external_model


class ExternalModelForm(forms.ModelForm):  # type: ignore[type-arg]
    """A model whose place is checked before it is kept; a stored secret is not shown again."""

    class Meta:
        model = ExternalModel
        fields = (
            "key",
            "gives",
            "source",
            "location",
            "secret",
            "sends_features",
            "lowest",
            "highest",
            "every_hours",
            "stale_after_hours",
            "is_enabled",
        )
        widgets = {"secret": UnfoldAdminPasswordWidget()}

    def clean_key(self) -> str:
        """Refuse the name of a formula, which nothing stands in for."""
        key: str = self.cleaned_data["key"]
        if key == ENGAGEMENT:
            raise ValidationError("This score is a formula of ours. Choose another name.")
        return key

    def clean_secret(self) -> str:
        """Keep the stored secret where none is entered."""
        return str(self.cleaned_data["secret"] or self.instance.secret)

    def clean(self) -> dict[str, Any]:
        """Refuse addresses that are not spoken, ways out of the folder, and bounds that nothing fits."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        location, source = cleaned.get("location", ""), cleaned.get("source")
        if source == ExternalModel.Source.HTTP and not location.startswith(("http://", "https://")):
            self.add_error("location", "The address must begin with http:// or https://.")
        if source == ExternalModel.Source.PARQUET and location:
            try:
                path_of(location)
            except (ExternalModelError, ValueError) as error:
                self.add_error("location", f"{error}.")
        lowest, highest = cleaned.get("lowest"), cleaned.get("highest")
        if lowest is not None and highest is not None and lowest >= highest:
            self.add_error("highest", "It must be above the lowest.")
        if cleaned.get("gives", self.instance.gives) == ExternalModel.Gives.RECOMMENDATIONS:
            for bound in ("lowest", "highest"):
                if cleaned.get(bound) is not None:
                    self.add_error(bound, "Only scores have bounds.")
        return cleaned


@admin.register(ExternalModel)
class ExternalModelAdmin(ModelAdmin):  # type: ignore[misc]
    """Models served elsewhere, with an action that asks them now."""

    form = ExternalModelForm
    list_display = ("key", "gives", "source", "is_enabled", "is_in_use", "scored", "answered_at", "verdict")
    list_filter = ("gives", "source", "is_enabled", "is_in_use")
    readonly_fields = ("is_in_use", "version", "scored", "asked_at", "answered_at", "verdict")
    actions = ("ask_now",)

    def get_readonly_fields(self, request: HttpRequest, obj: ExternalModel | None = None) -> tuple[str, ...]:
        """The name stays, as scores and conditions go by it, and so does what it gives."""
        return ("key", "gives", *self.readonly_fields) if obj else self.readonly_fields

    def get_exclude(self, request: HttpRequest, obj: ExternalModel | None = None) -> list[str]:
        """Administrators alone have to do with the secret."""
        return [] if cast(User, request.user).may_administer else ["secret"]

    def has_delete_permission(self, request: HttpRequest, obj: ExternalModel | None = None) -> bool:
        """Only one whose scores are not in use: switched off, the next round takes them away."""
        return super().has_delete_permission(request, obj) and not (obj is not None and obj.is_in_use)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Deleting many at once would not ask each whether it is in use."""
        return {name: act for name, act in super().get_actions(request).items() if name != "delete_selected"}

    def save_model(
        self, request: HttpRequest, obj: ExternalModel, form: forms.ModelForm, change: bool
    ) -> None:
        """Write what was changed only: a round may be under way, and notes how it goes in the same row."""
        obj.save(update_fields=form.changed_data if change else None)

    @admin.action(description="Ask now", permissions=["change"])
    def ask_now(self, request: HttpRequest, queryset: QuerySet[ExternalModel]) -> None:
        """Ring for the chosen models."""
        for id in queryset.values_list("pk", flat=True):
            refresh_external_model.delay(id)
        self.message_user(request, "The models are being asked; reload to see what came.", messages.SUCCESS)
