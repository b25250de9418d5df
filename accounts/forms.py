"""Forms of the admin for colleagues and keys."""

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
    """A program's key: its name and what it may read."""

    scopes = forms.MultipleChoiceField(choices=ApiKey.Scope.choices, widget=forms.CheckboxSelectMultiple)

    class Meta:
        model = ApiKey
        fields = ["name", "scopes", "expires_at", "revoked_at"]
