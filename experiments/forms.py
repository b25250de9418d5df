"""Forms of imported experiments: the file, then what its columns mean."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile
from django.utils.text import slugify

from common.clock import now
from customers.importing.people.files import ListFile, shown_samples
from experiments.importing import guessing
from experiments.importing.counting import Profile
from experiments.importing.mapping import (
    EQUAL,
    ColumnMapping,
    Description,
    ImportedMetric,
    ImportProblem,
    checked_metric,
)
from experiments.importing.uploads import MAX_UPLOAD_BYTES
from experiments.models import LEAST_ALPHA, MOST_ALPHA, Experiment

_MEANINGS = [
    ("", "Not measured"),
    (guessing.RATE, "Measured: yes or no"),
    (guessing.MONEY, "Measured: money"),
    (guessing.NUMBER, "Measured: a number"),
    (guessing.BEFORE, "Known before the start"),
]


class ExperimentFileForm(forms.Form):
    """The file of an experiment that ran elsewhere."""

    file = forms.FileField(
        label="CSV file",
        help_text="A row for each customer, with the arm and what came of it; the names of the columns in the first "
        f"line. It may be gzipped. At most a million rows and {MAX_UPLOAD_BYTES >> 20} MB.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.tsv,.gz"}),
    )

    def clean_file(self) -> "UploadedFile[Any]":
        """Refuse files that are too large."""
        file: UploadedFile[Any] = self.cleaned_data["file"]
        if (file.size or 0) > MAX_UPLOAD_BYTES:
            raise ValidationError(
                f"The file has more than {MAX_UPLOAD_BYTES >> 20} MB. Take it in with manage.py import_experiment."
            )
        return file


class ColumnsForm(forms.Form):
    """What the columns mean, which value is the control, which metric decides, and what the experiment was."""

    name = forms.CharField(max_length=200)
    control = forms.ChoiceField(
        label="Control", help_text="The arm that all others are compared with. Its column names the arms."
    )
    control_gets_no_mail = forms.BooleanField(label="The control got no mail", required=False)
    primary = forms.ChoiceField(
        label="Decided by",
        help_text="The metric that the verdict is about. Choose what was planned to decide.",
    )
    currency = forms.CharField(
        max_length=3, initial="EUR", help_text="Of all columns with money, in three letters."
    )
    split = forms.CharField(
        label="Planned split",
        initial=EQUAL,
        max_length=500,
        help_text="“equal”, “unknown”, or the shares: A=45, B=45, no mail=10. Arms of other sizes spoil a result.",
    )
    ended_on = forms.DateField(
        label="Ended on", widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d")
    )
    window_days = forms.IntegerField(
        label="Days of watching after the mail", min_value=1, max_value=365, initial=14
    )
    alpha = forms.FloatField(
        label="Chance of a false winner (alpha)",
        min_value=LEAST_ALPHA,
        max_value=MOST_ALPHA,
        initial=0.05,
        help_text="0.05 unless the plan said otherwise.",
    )
    hypothesis = forms.CharField(required=False, widget=forms.Textarea(attrs={"rows": 2}))
    learnings = forms.CharField(
        label="What was learnt", required=False, widget=forms.Textarea(attrs={"rows": 2})
    )

    def __init__(self, file: ListFile, profiles: Sequence[Profile], *, name: str, data: Any = None) -> None:
        self.file = file
        self._choices = guessing.control_choices(file.header, profiles)
        likely = guessing.likely_control(self._choices)
        meanings = [guessing.likely_meaning(*pair) for pair in zip(file.header, profiles, strict=True)]
        measured = [place for place, one in enumerate(meanings) if one not in ("", guessing.BEFORE)]
        money = [place for place in measured if meanings[place] == guessing.MONEY]
        super().__init__(
            data,
            initial={
                "name": name,
                "ended_on": now().date(),
                "control": _coded(likely) if likely else "",
                "control_gets_no_mail": likely is not None and guessing.gets_no_mail(likely[1]),
                "primary": str((money or measured or [0])[0]),
            },
        )
        for place, column in enumerate(file.header):
            self.fields[f"column_{place}"] = forms.ChoiceField(
                label=column, required=False, choices=_MEANINGS, initial=meanings[place]
            )
        self._set_choices()

    def _set_choices(self) -> None:
        control, primary = self.fields["control"], self.fields["primary"]
        assert isinstance(control, forms.ChoiceField)
        assert isinstance(primary, forms.ChoiceField)
        control.choices = [
            (column, [(_coded(one), one[1]) for one in values]) for column, values in self._choices
        ]
        primary.choices = [(str(place), column) for place, column in enumerate(self.file.header)]

    @property
    def columns(self) -> list[tuple[forms.BoundField, list[str]]]:
        """The columns' fields, each with sample values."""
        return [
            (self[f"column_{place}"], shown_samples(self.file, place))
            for place in range(len(self.file.header))
        ]

    @property
    def others(self) -> list[forms.BoundField]:
        """The fields that are about the experiment as a whole."""
        return [field for field in self if not field.name.startswith("column_")]

    def clean_name(self) -> str:
        """Refuse a name whose key is taken: nothing that is there is overwritten."""
        name: str = self.cleaned_data["name"]
        key = slugify(name)[:100]
        if not key:
            raise ValidationError("Give it a name with letters or digits.")
        if Experiment.objects.filter(key=key).exists():
            raise ValidationError("There is an experiment of this name already.")
        return name

    def clean_currency(self) -> str:
        """Take lower case too."""
        return str(self.cleaned_data["currency"]).upper()

    def clean(self) -> dict[str, Any]:
        """Make the mapping, or say what is missing."""
        cleaned = super().clean() or {}
        if self.errors:
            return cleaned
        try:
            self.mapping = self._mapping(cleaned)
            self.mapping.check(self.file.header)
        except ImportProblem as error:
            raise ValidationError(str(error)) from error
        self.decided_by = self.file.header[int(cleaned["primary"])]
        if self.decided_by not in [metric.name for metric in self.mapping.metrics]:
            self.add_error("primary", f"“{self.decided_by}” is not measured: say so in the list of columns.")
        return cleaned

    def _mapping(self, cleaned: dict[str, Any]) -> ColumnMapping:
        place, _, control = str(cleaned["control"]).partition(":")
        meanings = {column: cleaned[f"column_{at}"] for at, column in enumerate(self.file.header)}
        before = [column for column, meaning in meanings.items() if meaning == guessing.BEFORE]
        if len(before) > 1:
            raise ImportProblem(f"Only one column can be known before the start, not {' and '.join(before)}.")
        return ColumnMapping(
            variant=self.file.header[int(place)],
            control=control,
            metrics=tuple(_metrics(meanings, currency=cleaned["currency"])),
            before=before[0] if before else "",
        )

    @property
    def description(self) -> Description:
        """What was said of the experiment."""
        names = (
            "name",
            "ended_on",
            "window_days",
            "hypothesis",
            "learnings",
            "alpha",
            "control_gets_no_mail",
        )
        said = {name: self.cleaned_data[name] for name in names}
        return Description(key=slugify(said["name"])[:100], **said)


def _metrics(meanings: dict[str, str], *, currency: str) -> list[ImportedMetric]:
    return [
        checked_metric(name=column, column=column, kind=meaning, currency=currency)
        for column, meaning in meanings.items()
        if meaning not in ("", guessing.BEFORE)
    ]


def _coded(control: tuple[int, str]) -> str:
    return f"{control[0]}:{control[1]}"
