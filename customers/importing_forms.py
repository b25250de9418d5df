"""Forms of imports: the file, and what its columns mean."""

from typing import Any

import msgspec
from django import forms
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from customers.importing.people.files import ListFile, shown_samples
from customers.importing.people.guessing import attribute_key
from customers.importing.people.jobs import MAX_UPLOAD_BYTES
from customers.importing.people.mapping import FIELDS, PeopleMapping, problems, read_mapping
from customers.importing.schema import MappingError, check_mapping
from customers.models import PeopleImport, Suppression

_OWN = "attribute"


class MappedForm(forms.ModelForm):  # type: ignore[type-arg]
    """What has a mapping of rows, which is checked before it is kept."""

    def clean_mapping(self) -> Any:
        """Refuse a mapping that could not be used, and name the places."""
        mapping = self.cleaned_data["mapping"]
        try:
            check_mapping(mapping)
        except MappingError as error:
            raise ValidationError(str(error).splitlines()) from error
        return mapping


class ListForm(forms.Form):
    """The file, and whether it holds customers or addresses never to write to."""

    file = forms.FileField(
        label="CSV file",
        help_text="With the names of the columns in its first line; it may be gzipped."
        f" At most a million rows and {MAX_UPLOAD_BYTES >> 20} MB.",
        widget=forms.ClearableFileInput(attrs={"accept": ".csv,.txt,.tsv,.gz"}),
    )
    kind = forms.ChoiceField(
        label="What is in it", choices=PeopleImport.Kind.choices, initial=PeopleImport.Kind.PEOPLE
    )

    def clean_file(self) -> "UploadedFile[Any]":
        """Refuse files that are too large."""
        file: UploadedFile[Any] = self.cleaned_data["file"]
        if (file.size or 0) > MAX_UPLOAD_BYTES:
            raise forms.ValidationError(
                f"The file has more than {MAX_UPLOAD_BYTES >> 20} MB. Split it, or gzip it."
            )
        return file


class MappingForm(forms.Form):
    """What the columns mean, how dates are written, what becomes of known people, and who agreed to e-mail."""

    source = forms.SlugField(
        label="Where these people come from",
        max_length=50,
        help_text="A short name, such as <code>old_newsletter</code>: customer ids are kept under it.",
    )
    dates = forms.ChoiceField(
        label="Dates are written",
        choices=[("day_first", "day first: 31.12.1980"), ("month_first", "month first: 12/31/1980")],
        help_text="1980-12-31 is always understood.",
    )
    existing = forms.ChoiceField(
        label="People who are known already",
        help_text="Blank cells never erase anything.",
        choices=[
            ("update", "are updated"),
            ("leave", "stay as they are"),
        ],
    )
    consent = forms.ChoiceField(
        label="Who agreed to marketing e-mail?",
        choices=[
            ("none", "Record no consent"),
            ("all", "Everybody in this list"),
            ("column", "Those whose column “Agreed to e-mail” says yes"),
        ],
        widget=forms.RadioSelect,
    )
    proof = forms.CharField(
        label="How and when they agreed",
        max_length=500,
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text="Kept with every consent as its proof: the words they saw, the form, the dates. "
        "Nobody who took consent back is written to because of a list.",
    )
    reason = forms.ChoiceField(label="Why they must not be written to", choices=Suppression.Reason.choices)

    def __init__(self, job: PeopleImport, data: Any = None) -> None:
        self.file = msgspec.convert(job.file, ListFile)
        mapping = read_mapping(job.mapping)
        self._is_suppression = job.kind == PeopleImport.Kind.SUPPRESSION
        super().__init__(data, initial=job.mapping | msgspec.to_builtins(mapping))
        unused = ("dates", "existing", "consent", "proof", "source") if self._is_suppression else ("reason",)
        for name in unused:
            del self.fields[name]
        chosen = {column: field for field, column in mapping.columns.items()}
        chosen |= dict.fromkeys(mapping.attributes.values(), _OWN)
        for index, column in enumerate(self.file.header):
            self.fields[f"column_{index}"] = forms.ChoiceField(
                label=column, required=False, choices=self._choices(), initial=chosen.get(column, "")
            )

    @property
    def columns(self) -> list[tuple[forms.BoundField, list[str]]]:
        """The column's fields, each with sample values."""
        return [
            (self[f"column_{index}"], shown_samples(self.file, index))
            for index in range(len(self.file.header))
        ]

    @property
    def others(self) -> list[forms.BoundField]:
        """The fields that are about the list as a whole."""
        return [field for field in self if not field.name.startswith("column_")]

    def clean(self) -> dict[str, Any]:
        """Make the mapping, or say what is missing."""
        cleaned = super().clean() or {}
        document = {name: cleaned[name] for name in cleaned if not name.startswith("column_")}
        columns: dict[str, str] = {}
        attributes: dict[str, str] = {}
        for index, column in enumerate(self.file.header):
            field = cleaned.get(f"column_{index}", "")
            if field == _OWN:
                attributes.setdefault(attribute_key(column), column)
            elif field in columns:
                self.add_error(
                    f"column_{index}", f"“{columns[field]}” is the {FIELDS[field].lower()} already."
                )
            elif field:
                columns[field] = column
        if not self.errors:
            self._check({**document, "columns": columns, "attributes": attributes})
        return cleaned

    def _check(self, document: dict[str, Any]) -> None:
        try:
            self.mapping: PeopleMapping = read_mapping(document)
        except MappingError as error:
            raise forms.ValidationError(str(error)) from error
        if wrong := problems(self.mapping, self.file.header, is_suppression=self._is_suppression):
            raise forms.ValidationError(wrong)

    def _choices(self) -> list[tuple[str, str]]:
        ignored = ("", "Leave out")
        if self._is_suppression:
            return [ignored, ("email", FIELDS["email"])]
        return [ignored, *FIELDS.items(), (_OWN, "Keep as an attribute of its own")]
