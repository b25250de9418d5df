"""A column whose text is encrypted in the database and plain in Python (see `common.sealed`)."""

from typing import Any

from django import forms
from django.db import models

from common.sealed import Unreadable, seal, unseal

MOST_CHARACTERS = 200


class Locked(str):
    """Stands, empty, for a secret that cannot be read any more; saved, it leaves what is stored as it is."""

    sealed: str


class SealedField(models.TextField):  # type: ignore[type-arg]
    """A secret. It cannot be searched for; after a change of SECRET_KEY without a fallback it reads as empty."""

    def from_db_value(self, value: str | None, *args: object) -> str | None:
        """Open what is stored."""
        if not value:
            return value
        try:
            return unseal(value)
        except Unreadable:
            locked = Locked()
            locked.sealed = value
            return locked

    def get_prep_value(self, value: Any) -> Any:
        """Close what is to be stored."""
        if isinstance(value, Locked):
            return value.sealed
        return seal(value) if value and isinstance(value, str) else value

    def formfield(self, *args: Any, **kwargs: Any) -> Any:
        """A line, not an area, of text."""
        line = {"widget": forms.TextInput, "max_length": MOST_CHARACTERS}
        return super().formfield(*args, **{**line, **kwargs})
