"""What administrators enter about people's rights."""

from typing import Any

from django import forms

from customers.browsing import find
from customers.models import Customer, PrivacyRequest

REASONS = (
    ("asked for by the person", "The person asked for it"),
    ("consent withdrawn", "The consent it rested on was withdrawn"),
    ("no longer needed", "It is no longer needed"),
    ("kept unlawfully", "It was kept unlawfully"),
)


class PrivacyRequestForm(forms.ModelForm):  # type: ignore[type-arg]
    """A request that came by letter, mail or telephone."""

    person = forms.CharField(
        required=False,
        max_length=320,
        label="Customer",
        help_text="The address or any id. Leave it empty where the person is not known here.",
    )

    class Meta:
        model = PrivacyRequest
        fields = ("kind", "contact", "note")
        widgets = {"note": forms.Textarea(attrs={"rows": 2})}

    field_order = ("kind", "person", "contact", "note")

    def clean_person(self) -> Customer | None:
        """The one customer who is called so."""
        name = self.cleaned_data["person"].strip()
        if not name:
            return None
        found = list(find(name)[:2])
        if len(found) != 1:
            raise forms.ValidationError("Nobody is called so." if not found else "Several are called so.")
        return found[0]

    @property
    def request_data(self) -> dict[str, Any]:
        """What the log takes."""
        data = dict(self.cleaned_data)
        return {"customer": data.pop("person"), **data}


class ErasureForm(forms.Form):
    """The reason, from a list so that no name gets onto the receipt, and a word that is typed on purpose."""

    reason = forms.ChoiceField(choices=REASONS)
    word = forms.RegexField("^ERASE$", label="Type ERASE", max_length=10)
