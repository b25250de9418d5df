"""What a marketer enters about a segment beside its condition."""

from datetime import datetime
from typing import Any

from django import forms
from django.utils.text import slugify

from customers.models import PeopleImport
from segments.models import LifecycleStage, Segment

RESERVED = frozenset({"new", "health", "count"})
"""Keys whose address is another page's, or another door's of the API."""


class SegmentForm(forms.ModelForm):  # type: ignore[type-arg]
    """Name, purpose, and for which moment the segment is judged."""

    class Meta:
        model = Segment
        fields = ["name", "description", "parent", "is_core", "as_of"]
        widgets = {
            "description": forms.Textarea(attrs={"rows": 2}),
            "as_of": forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        }
        labels = {"as_of": "“Now” is (UTC)"}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        parent = self.fields["parent"]
        parent.queryset = Segment.objects.active().exclude(pk=self.instance.pk)  # type: ignore[attr-defined]
        parent.empty_label = "no other segment: of everybody"  # type: ignore[attr-defined]

    def clean_as_of(self) -> datetime | None:
        """Keep the stored moment to the microsecond where the field, which shows minutes, was not touched."""
        moment: datetime | None = self.cleaned_data["as_of"]
        stored: datetime | None = self.instance.as_of
        if moment and stored and moment == stored.replace(second=0, microsecond=0):
            return stored
        return moment

    def save(self, commit: bool = True) -> Segment:
        """Fill in the segment, and store it unless told not to; a new one gets a key made of its name."""
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
    while key in taken or key in RESERVED:
        key, number = f"{base}-{number}", number + 1
    return key


class ListForm(SegmentForm):
    """A segment that is a fixed list, and where its customers come from; also to fill one that is there."""

    file = forms.FileField(
        label="A CSV file",
        required=False,
        help_text="In UTF-8, one customer a line: e-mail address, our id, or the id in your shop.",
    )
    members_of = forms.ModelChoiceField(
        Segment.objects.active(),
        label="Or the present members of",
        required=False,
        empty_label="no segment",
    )
    imported = forms.ModelChoiceField(
        PeopleImport.objects.none(),
        label="Or the customers of an imported list",
        required=False,
        empty_label="no imported list",
        help_text="All customers whom that list's source named first, or knows by an id of its own.",
    )
    replaces = forms.BooleanField(
        label="Take everybody else off the list", required=False, help_text="Only with a file."
    )

    class Meta(SegmentForm.Meta):
        fields = ["name", "description", "parent", "is_core"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        done = PeopleImport.objects.filter(state=PeopleImport.State.DONE, kind=PeopleImport.Kind.PEOPLE)
        self.fields["imported"].queryset = done.order_by("-pk")  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        """Ask for one source at most."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if sum(bool(cleaned.get(name)) for name in ("file", "members_of", "imported")) > 1:
            raise forms.ValidationError(
                "Choose one of file, segment and imported list; the others can follow."
            )
        return cleaned


class StageForm(forms.ModelForm):  # type: ignore[type-arg]
    """What a stage of the lifecycle is called."""

    class Meta:
        model = LifecycleStage
        fields = ["name", "description"]
        widgets = {"description": forms.Textarea(attrs={"rows": 2})}

    def clean_name(self) -> str:
        """Give a new stage a key made of its name, which no other has."""
        name: str = self.cleaned_data["name"]
        if not self.instance.key:
            key = slugify(name)[:90] or "stage"
            if key in RESERVED or LifecycleStage.objects.filter(key=key).exists():
                raise forms.ValidationError("There is a stage of that name already; choose another.")
            self.instance.key = key
        return name
