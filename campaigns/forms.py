"""What a marketer enters about campaigns and templates."""

from typing import Any

from django import forms
from django.db import transaction
from django.utils.text import slugify

from accounts.models import User
from campaigns.field_uses import tell_campaign
from campaigns.models import Campaign, CampaignVariant, Template, TemplateVersion
from campaigns.timing_forms import TimingForm
from delivery.models import Sender
from experiments.models import Experiment, Variant
from recommendations.strategies import BESTSELLERS, FOR_YOU, IMPERSONAL, LABELS
from segments.models import Segment

RESERVED = frozenset({"new", "limits", "when"})
"""Keys that pages of their own have."""


def checked_name(name: str) -> str:
    """Return the name if a campaign can have it; raises ValidationError where its key is taken or empty."""
    key = slugify(name)[:100]
    if not key:
        raise forms.ValidationError("Use some letters or digits in the name.")
    taken = Campaign.objects.filter(key=key).exists() or Experiment.objects.filter(key=key).exists()
    if key in RESERVED or taken:
        raise forms.ValidationError("There is a campaign of this name already.")
    return name


class CampaignForm(TimingForm):
    """A campaign as an experiment of two arms and, if wanted, a holdout that gets no mail."""

    name = forms.CharField(max_length=150, help_text="For you and your colleagues; customers never see it.")
    segment = forms.ModelChoiceField(
        Segment.objects.active(), help_text="Who is asked whether they may be mailed."
    )
    sender = forms.ModelChoiceField(Sender.objects.all())
    hypothesis = forms.CharField(
        widget=forms.Textarea(attrs={"rows": 2}),
        required=False,
        help_text="What do you expect, and why? Written down before, it cannot be bent after.",
    )
    primary_metric = forms.ChoiceField(
        choices=Experiment.Metric.choices,
        initial=Experiment.Metric.CONVERSION,
        help_text="The one figure that decides.",
    )
    no_mail_percent = forms.IntegerField(
        label="No-mail holdout, %",
        min_value=0,
        max_value=50,
        initial=10,
        help_text="Gets nothing: shows what e-mail itself is worth.",
    )
    baseline_percent = forms.IntegerField(
        label="Arm A (baseline), % of those mailed",
        min_value=1,
        max_value=99,
        initial=50,
        help_text="Gets the version without personalisation.",
    )
    baseline_template = forms.ModelChoiceField(
        TemplateVersion.objects.select_related("template"), label="Arm A: template"
    )
    baseline_strategy = forms.ChoiceField(choices=IMPERSONAL, label="Arm A: products", initial=BESTSELLERS)
    treatment_template = forms.ModelChoiceField(
        TemplateVersion.objects.select_related("template"), label="Arm B: template"
    )
    treatment_strategy = forms.ChoiceField(choices=LABELS, label="Arm B: products", initial=FOR_YOU)

    def clean_name(self) -> str:
        """Refuse a name whose key is taken."""
        return checked_name(self.cleaned_data["name"])

    @transaction.atomic
    def save(self, *, by: User | None) -> Campaign:
        """Store the experiment, its arms and the draft."""
        data = self.cleaned_data
        key = slugify(data["name"])[:100]
        experiment = Experiment.objects.create(
            key=key,
            name=data["name"],
            hypothesis=data["hypothesis"],
            salt=key,
            primary_metric=data["primary_metric"],
        )
        campaign = Campaign.objects.create(
            key=key,
            name=data["name"],
            segment=data["segment"],
            experiment=experiment,
            sender=data["sender"],
            created_by=by,
            **self.values(),
        )
        for variant in self._variants(experiment):
            if variant.role != Variant.Role.NO_MAIL:
                arm = variant.role
                CampaignVariant.objects.create(
                    campaign=campaign,
                    variant=variant,
                    template_version=data[f"{arm}_template"],
                    strategy=data[f"{arm}_strategy"],
                    is_personalised=arm == Variant.Role.TREATMENT,
                )
        tell_campaign(campaign)
        return campaign

    def _variants(self, experiment: Experiment) -> list[Variant]:
        """Make the arms; the weights are whole basis points that sum to 10,000."""
        no_mail = self.cleaned_data["no_mail_percent"] * 100
        baseline = (10_000 - no_mail) * self.cleaned_data["baseline_percent"] // 100
        arms: list[tuple[str, str, str, int]] = [
            ("a", "Baseline", Variant.Role.BASELINE, baseline),
            ("b", "Personalised", Variant.Role.TREATMENT, 10_000 - no_mail - baseline),
        ]
        if no_mail:
            arms.append(("no_mail", "No mail", Variant.Role.NO_MAIL, no_mail))
        return [
            Variant.objects.create(
                experiment=experiment, key=key, name=name, role=role, weight=weight, position=position
            )
            for position, (key, name, role, weight) in enumerate(arms)
        ]


class TemplateForm(forms.Form):
    """A new version of a template, and for a new template its name."""

    name = forms.CharField(max_length=200)
    subject = forms.CharField(max_length=500, help_text="Liquid allowed: Hello {{ customer.first_name }}")
    preheader = forms.CharField(max_length=500, required=False, help_text="The line after the subject.")
    mjml = forms.CharField(
        label="Layout (MJML with Liquid)",
        widget=forms.Textarea(attrs={"rows": 24, "spellcheck": "false", "class": "font-monospace"}),
        strip=False,
    )
    text = forms.CharField(
        label="Plain text",
        widget=forms.Textarea(attrs={"rows": 6}),
        required=False,
        help_text="Leave empty to derive it from the layout.",
    )
    note = forms.CharField(max_length=300, required=False, help_text="What changed, for the history.")
    base = forms.IntegerField(required=False, min_value=0, widget=forms.HiddenInput)

    @classmethod
    def of(cls, template: Template) -> "TemplateForm":
        """Start from the newest version."""
        newest = template.versions.first()
        fields = ("subject", "preheader", "mjml", "text")
        initial: dict[str, Any] = {name: getattr(newest, name) for name in fields} if newest else {}
        return cls(initial={"name": template.name, "base": newest.number if newest else 0, **initial})

    def follow(self, number: int) -> None:
        """Let what was written follow this version when it is sent again."""
        self.data = {name: self.data[name] for name in self.data} | {"base": str(number)}
