"""The arms of a campaign as a marketer enters them: what each gets, how many get it, and when."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, ClassVar

from django import forms

from campaigns.models import TemplateVersion
from campaigns.models.campaign import MOST_SHIFT_HOURS
from campaigns.publishing import TemplateRefused, with_own_words
from campaigns.splitting import HUNDRED, BadSplit, split
from recommendations.strategies import FOR_YOU, IMPERSONAL, LABELS

PREFIX = "arms"
KEYS = "bcdefg"
"""The keys of the mailed arms in their order; the baseline's is "a"."""
MOST_ARMS = len(KEYS)
_TELLING = {"name", "percent", "template", "subject", "preheader"}
_WIDE = {"spellcheck": "true"}


class ArmForm(forms.Form):
    """One mailed arm. Without a name, a share, a template and words of its own it is left out."""

    name = forms.CharField(max_length=100, help_text="Such as “Question in the subject”.")
    percent = forms.DecimalField(
        label="Share, %", min_value=Decimal("0.01"), max_value=HUNDRED, max_digits=5, decimal_places=2
    )
    template = forms.ModelChoiceField(TemplateVersion.objects.select_related("template"))
    strategy = forms.ChoiceField(choices=LABELS, label="Products", initial=FOR_YOU, required=False)
    is_personalised = forms.BooleanField(
        label="Personalised", initial=True, required=False, help_text="Off: rules are not asked."
    )
    subject = forms.CharField(
        label="Own subject",
        max_length=500,
        required=False,
        help_text="In place of the template's; empty: the template's. Liquid allowed.",
        widget=forms.TextInput(attrs=_WIDE),
    )
    preheader = forms.CharField(
        label="Own preheader",
        max_length=500,
        required=False,
        help_text="The line after the subject; empty: the template's.",
        widget=forms.TextInput(attrs=_WIDE),
    )
    send_shift_hours = forms.IntegerField(
        label="Hours later",
        initial=0,
        min_value=0,
        max_value=MOST_SHIFT_HOURS,
        required=False,
        help_text="To test another time of sending.",
    )

    letter = ""

    def has_changed(self) -> bool:
        """Whether anything was entered that tells this arm from an empty one."""
        return bool(_TELLING & set(self.changed_data))

    @property
    def is_entered(self) -> bool:
        """Whether a form that was sent has this arm."""
        return self.is_bound and self.has_changed()

    def clean(self) -> dict[str, Any]:
        """Check the arm's own words as a template's are, and that who is not personalised gets the same as others."""
        data: dict[str, Any] = super().clean() or {}
        data["strategy"] = data.get("strategy") or FOR_YOU
        data["send_shift_hours"] = data.get("send_shift_hours") or 0
        if not data.get("is_personalised") and data["strategy"] not in dict(IMPERSONAL):
            self.add_error("strategy", "Without personalisation choose products that are the same for all.")
        if (version := data.get("template")) is not None:
            self._check_words(data, version)
        return data

    def _check_words(self, data: dict[str, Any], version: TemplateVersion) -> None:
        try:
            data["version"] = with_own_words(
                version, subject=data.get("subject", ""), preheader=data.get("preheader", "")
            )
        except TemplateRefused as refused:
            for finding in refused.findings:
                part = str(finding["part"])
                self.add_error(
                    part if part in ("subject", "preheader") else "template", str(finding["message"])
                )


class BaseArms(forms.BaseFormSet):  # type: ignore[type-arg]
    """The arms together: they share everybody whom no holdout keeps out."""

    default_error_messages: ClassVar[dict[str, Any]] = {
        "too_few_forms": "A campaign has one arm at least.",
        "too_many_forms": f"A campaign has {MOST_ARMS} arms at most.",
    }

    def add_fields(self, form: ArmForm, index: int | None) -> None:
        """Let the first arm of an empty form be everybody's."""
        super().add_fields(form, index)
        form.letter = KEYS[index or 0].upper() if (index or 0) < MOST_ARMS else ""
        if index == 0:
            form.fields["name"].initial, form.fields["percent"].initial = "Personalised", 100

    def clean(self) -> None:
        """Refuse two arms of one name, and shares that do not add up."""
        if any(self.errors):
            return
        names = [arm["name"].casefold() for arm in self.entered]
        if len(set(names)) < len(names):
            raise forms.ValidationError("Two arms have the same name: how would you tell them apart?")
        try:
            split(no_mail_percent=0, baseline_percent=0, arms=[arm["percent"] for arm in self.entered])
        except BadSplit as bad:
            raise forms.ValidationError(str(bad)) from bad

    @property
    def entered(self) -> list[dict[str, Any]]:
        """What was entered of each arm that is not left out."""
        return [form.cleaned_data for form in self.forms if form.cleaned_data]


ArmFormSet = forms.formset_factory(
    ArmForm,
    formset=BaseArms,
    extra=MOST_ARMS - 1,
    min_num=1,
    max_num=MOST_ARMS,
    validate_min=True,
    validate_max=True,
    absolute_max=MOST_ARMS + 1,
)


class SplitForm(forms.Form):
    """The percentages of a campaign's form while it is filled in."""

    no_mail_percent = forms.IntegerField(min_value=0, max_value=50, required=False)
    baseline_percent = forms.IntegerField(min_value=0, max_value=99, required=False)

    def shares(self) -> list[tuple[str, int]]:
        """Return how many of 10,000 people get what, by name; raises BadSplit with a sentence.

        Empty while nothing can be said yet.
        """
        if not self.is_valid():
            return []
        names, percents = [], []
        for place in range(MOST_ARMS):
            if typed := self.data.get(f"{PREFIX}-{place}-percent", "").strip():
                try:
                    percents.append(ArmForm.base_fields["percent"].clean(typed))
                except forms.ValidationError:
                    return []
                names.append(
                    self.data.get(f"{PREFIX}-{place}-name", "").strip() or f"arm {KEYS[place].upper()}"
                )
        if not percents:
            return []
        no_mail, baseline = (self.cleaned_data[name] or 0 for name in ("no_mail_percent", "baseline_percent"))
        found = split(no_mail_percent=no_mail, baseline_percent=baseline, arms=percents)
        everybody = [
            ("no mail", found.no_mail),
            ("the baseline", found.baseline),
            *zip(names, found.arms, strict=True),
        ]
        return [(name, count) for name, count in everybody if count]


def posted(arms: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return arms as a browser sends them; those who are not told apart are personalised."""
    data: dict[str, Any] = {f"{PREFIX}-TOTAL_FORMS": len(arms), f"{PREFIX}-INITIAL_FORMS": 0}
    for place, arm in enumerate(arms):
        data |= {
            f"{PREFIX}-{place}-{name}": value for name, value in ({"is_personalised": True} | {**arm}).items()
        }
    return data
