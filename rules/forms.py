"""What a marketer enters about rules."""

from datetime import UTC, datetime
from typing import Any

from django import forms

from common.clock import now
from rules.cases import check_case
from rules.documents import DocumentError, checksum, parse_document
from rules.files import dump_text, load_text
from rules.models import RuleSet, RuleTest
from segments.models import Segment


class TextInYaml(forms.CharField):
    """A value written as YAML or JSON. What it holds is checked by the form."""

    widget = forms.Textarea

    def __init__(self, *, rows: int = 8, **options: Any) -> None:
        super().__init__(**options)
        self.widget.attrs |= {"rows": rows, "spellcheck": "false"}
        css = self.widget.attrs.get("class", "")
        self.widget.attrs["class"] = f"{css} font-monospace".strip()

    def prepare_value(self, value: Any) -> Any:
        """Show a stored value as YAML, and what was typed as it was typed."""
        return value if isinstance(value, str | None) else dump_text(value)

    def clean(self, value: Any) -> Any:
        """Return the value; an error names the line."""
        written = super().clean(value)
        try:
            return load_text(written) if written else None
        except DocumentError as error:
            raise forms.ValidationError(str(error)) from error

    def has_changed(self, initial: Any, data: Any) -> bool:
        """Whether what was typed says something else than what is stored."""
        try:
            return checksum(load_text(data or "")) != checksum(initial)
        except DocumentError:
            return True


class DraftForm(forms.Form):
    """The rules as YAML (or JSON), what is new about them, and the revision they were written from."""

    revision = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)
    document = TextInYaml(
        rows=24,
        label="Rules",
        help_text="Rules in order, each with name, when and then; otherwise says what happens where none fits.",
    )
    note = forms.CharField(
        max_length=300, required=False, help_text="What is new in this version, for your colleagues."
    )

    def follow(self, revision: int) -> None:
        """Let what was written follow this revision when it is sent again."""
        self.data = {name: self.data[name] for name in self.data} | {"revision": str(revision)}

    def clean_document(self) -> Any:
        """Return the document; an error names the place."""
        document = self.cleaned_data["document"]
        try:
            parse_document(document)
        except DocumentError as error:
            raise forms.ValidationError(str(error)) from error
        return document


class RuleTestForm(forms.ModelForm):  # type: ignore[type-arg]
    """An imaginary customer, and what the rules must decide for him."""

    customer = TextInYaml(
        rows=10,
        label="The customer",
        help_text="attributes, facts, events, segments, scores, consents, experiments; a span such as {days: 3} is "
        "that long ago. {} is somebody of whom nothing is known.",
    )
    expected = TextInYaml(
        rows=6,
        label="What must be decided",
        help_text="Any of show, recommend, set, exclude, suppress, fired; what is not named is not asked about.",
    )

    class Meta:
        model = RuleTest
        fields = ["name", "customer", "expected"]

    def clean(self) -> dict[str, Any]:
        """Refuse a case that cannot be judged, at the field it is about, and a second one of the same name."""
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        if {"name", "customer", "expected"} <= cleaned.keys():
            try:
                check_case(cleaned["name"], cleaned["customer"], cleaned["expected"], now=now())
            except DocumentError as error:
                place = str(error).partition(".")[0].partition(":")[0]
                self.add_error({"expect": "expected", "name": "name"}.get(place, "customer"), str(error))
        twins = RuleTest.objects.filter(rule_set_id=self.instance.rule_set_id, name=cleaned.get("name"))
        if self.instance.rule_set_id and twins.exclude(pk=self.instance.pk).exists():
            self.add_error("name", "Another test has this name.")
        return cleaned


class RuleSetForm(forms.ModelForm):  # type: ignore[type-arg]
    """A rule set without rules yet."""

    class Meta:
        model = RuleSet
        fields = ["name", "key", "slot", "needs_approval"]


class ScheduleForm(forms.Form):
    """When a draft is to be published."""

    publish_at = forms.DateTimeField(
        label="Publish at",
        help_text="In UTC. Tests and approval are asked for again then.",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
        input_formats=["%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:%S"],
    )

    def clean_publish_at(self) -> datetime:
        """Return the moment in UTC."""
        moment: datetime = self.cleaned_data["publish_at"]
        return moment.astimezone(UTC)


class SimulationForm(forms.Form):
    """On whom a draft is tried."""

    segment = forms.ModelChoiceField(
        Segment.objects.order_by("name"),
        required=False,
        to_field_name="key",
        empty_label="Everybody who consented to marketing mail",
        label="Audience",
    )
