"""Forms of the admin for colleagues and keys."""

from typing import Any

from django import forms
from django.contrib.auth.forms import BaseUserCreationForm, UserChangeForm

from accounts.models import ApiKey, User


class UserAddForm(BaseUserCreationForm):  # type: ignore[type-arg]
    """A new colleague with a first password."""

    class Meta:
        model = User
        fields = ["email", "name", "role"]


class UserEditForm(UserChangeForm):  # type: ignore[type-arg]
    """A colleague."""

    class Meta:
        model = User
        fields = "__all__"


class ApiKeyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A program's key: its name and what it may do. One that sends events names their source and may no more."""

    scopes = forms.MultipleChoiceField(choices=ApiKey.Scope.choices, widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = ApiKey
        fields = ["name", "scopes", "source", "expires_at", "revoked_at"]

    def clean(self) -> dict[str, Any]:
        """Refuse a key that could write under no name, or that reads and may stand in a public page."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        scopes, source = cleaned.get("scopes", []), cleaned.get("source", "")
        if ApiKey.Scope.TRACK_WRITE not in scopes:
            return cleaned
        if len(scopes) > 1:
            self.add_error(
                "scopes", "A key that sends events may stand in a web page: give it no other right."
            )
        if not source or source in ("anonymous", "email", "regards"):
            self.add_error("source", "Name the source of these events, such as webshop.")
        return cleaned
