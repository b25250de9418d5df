"""What a marketer enters about rules."""

from typing import Any

from django import forms

from rules.documents import DocumentError, parse_document
from rules.files import load_text
from rules.models import RuleSet


class VersionForm(forms.Form):
    """The rules as YAML (or JSON), what is new about them, and the number of the version they were written from."""

    base = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)
    document = forms.CharField(
        label="Rules",
        widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false", "class": "font-monospace"}),
        help_text="Rules in order, each with name, when and then; otherwise says what happens where none fits.",
    )
    note = forms.CharField(
        max_length=300, required=False, help_text="What is new in this version, for your colleagues."
    )

    def follow(self, number: int) -> None:
        """Let what was written follow this version when it is sent again."""
        self.data = {name: self.data[name] for name in self.data} | {"base": str(number)}

    def clean_document(self) -> Any:
        """Return the document; an error names the place."""
        try:
            document = load_text(self.cleaned_data["document"])
            parse_document(document)
        except DocumentError as error:
            raise forms.ValidationError(str(error)) from error
        return document


class RuleSetForm(forms.ModelForm):  # type: ignore[type-arg]
    """A rule set without rules yet."""

    class Meta:
        model = RuleSet
        fields = ["name", "key", "slot"]
