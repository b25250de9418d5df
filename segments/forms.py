"""What a marketer enters about a segment beside its condition."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils.text import slugify

from segments.models import Segment


class SegmentForm(forms.ModelForm):  # type: ignore[type-arg]
    """Name, purpose, and for which moment the segment is judged."""

    class Meta:
        model = Segment
        fields = ["name", "description", "as_of"]
        widgets = {
            "description": forms.Textarea(attrs={"rows": 2}),
            "as_of": forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        }
        labels = {"as_of": "“Now” is (UTC)"}

    def clean_as_of(self) -> datetime | None:
        """Keep the stored moment to the microsecond where the field, which shows minutes, was not touched."""
        moment: datetime | None = self.cleaned_data["as_of"]
        stored: datetime | None = self.instance.as_of
        if moment and stored and moment == stored.replace(second=0, microsecond=0):
            return stored
        return moment

    def save(self, commit: bool = True) -> Segment:
        """Store the segment; a new one gets a key made of its name."""
        if not self.instance.key:
            self.instance.key = free_key(self.cleaned_data["name"])
        saved: Segment = super().save(commit=commit)
        return saved


def free_key(name: str) -> str:
    """Return a key made of the name that no segment has."""
    base = slugify(name)[:90] or "segment"
    taken: set[Any] = set(Segment.objects.filter(key__startswith=base).values_list("key", flat=True))
    number = 2
    key = base
    while key in taken or key == "new":
        key, number = f"{base}-{number}", number + 1
    return key
