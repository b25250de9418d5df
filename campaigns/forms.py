"""What a marketer enters about campaigns and templates."""

from collections.abc import Mapping
from typing import Any, cast

from django import forms
from django.db import transaction
from django.utils.text import slugify

from accounts.models import User
from campaigns.arm_forms import KEYS, PREFIX, ArmFormSet, BaseArms
from campaigns.field_uses import tell_campaign
from campaigns.models import Campaign, CampaignVariant, Template, TemplateVersion
from campaigns.splitting import split
from campaigns.timing_forms import TimingForm
from delivery.models import Sender
from experiments.models import Experiment, Variant
from recommendations.strategies import BESTSELLERS, IMPERSONAL
from segments.models import Segment

RESERVED = frozenset({"new", "limits", "when", "split"})
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
    """A campaign as an experiment: up to six mailed arms, and two holdouts that are drawn by themselves.

    Its `arms` are a form each (see `arm_forms`); the form is valid when they are.
    """

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
    tests = forms.ChoiceField(
        label="What is tested",
        choices=Experiment.Tests.choices,
        initial=Experiment.Tests.TEMPLATE,
        required=False,
        help_text="What the arms differ in. Let it be one thing, or you will not know which one it was.",
    )
    primary_metric = forms.ChoiceField(
        choices=Experiment.Metric.choices,
        initial=Experiment.Metric.CONVERSION,
        help_text="The one figure that decides. Openings only for tests of a subject or preheader.",
    )
    no_mail_percent = forms.IntegerField(
        label="No-mail holdout, % of everybody",
        min_value=0,
        max_value=50,
        initial=10,
        help_text="Gets nothing: shows what e-mail itself is worth. 0: nobody.",
    )
    baseline_percent = forms.IntegerField(
        label="Baseline holdout, % of those mailed",
        min_value=0,
        max_value=99,
        initial=50,
        help_text="Gets the version without personalisation: shows what that is worth. 0: nobody.",
    )
    baseline_template = forms.ModelChoiceField(
        TemplateVersion.objects.select_related("template"), label="Baseline: template", required=False
    )
    baseline_strategy = forms.ChoiceField(
        choices=IMPERSONAL, label="Baseline: products", initial=BESTSELLERS, required=False
    )

    def __init__(self, data: Mapping[str, Any] | None = None, **options: Any) -> None:
        super().__init__(data, **options)
        self.arms = cast(BaseArms, ArmFormSet(data, prefix=PREFIX))

    def is_valid(self) -> bool:
        """Whether everything that was entered can be stored, the arms included."""
        is_valid, are_valid = super().is_valid(), self.arms.is_valid()
        return is_valid and are_valid

    def clean_name(self) -> str:
        """Refuse a name whose key is taken."""
        return checked_name(self.cleaned_data["name"])

    def clean_tests(self) -> str:
        """The template unless something else is said."""
        return self.cleaned_data["tests"] or Experiment.Tests.TEMPLATE

    def clean_baseline_strategy(self) -> str:
        """Bestsellers unless something else is said."""
        return self.cleaned_data["baseline_strategy"] or BESTSELLERS

    def clean(self) -> dict[str, Any]:
        """Hold the fields against each other."""
        data = super().clean()
        has_template = data.get("baseline_template") or "baseline_template" in self.errors
        if data.get("baseline_percent") and not has_template:
            self.add_error("baseline_template", "Choose what the baseline gets, or make it 0 %.")
        if sentence := metric_refused(data.get("primary_metric", ""), tests=data.get("tests", "")):
            self.add_error("primary_metric", sentence)
        return data

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
            tests=data["tests"],
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
        self._store_arms(campaign)
        tell_campaign(campaign)
        return campaign

    def _store_arms(self, campaign: Campaign) -> None:
        """Store the baseline as "a", the arms as "b" and so on, and who gets no mail, each with its whole weight."""
        data, arms = self.cleaned_data, self.arms.entered
        weights = split(
            no_mail_percent=data["no_mail_percent"],
            baseline_percent=data["baseline_percent"],
            arms=[arm["percent"] for arm in arms],
        )
        if weights.baseline:
            baseline = {
                "version": data["baseline_template"],
                "strategy": data["baseline_strategy"],
                "is_personalised": False,
                "send_shift_hours": 0,
            }
            _store_arm(campaign, 0, "a", "Baseline", Variant.Role.BASELINE, weights.baseline, baseline)
        for place, (arm, weight) in enumerate(zip(arms, weights.arms, strict=True)):
            treatment = Variant.Role.TREATMENT
            _store_arm(campaign, place + 1, KEYS[place], arm["name"], treatment, weight, arm)
        if weights.no_mail:
            last, role = len(arms) + 1, Variant.Role.NO_MAIL
            _store_arm(campaign, last, "no_mail", "No mail", role, weights.no_mail, None)


def metric_refused(metric: str, *, tests: str) -> str:
    """Say why this metric cannot decide such a test; empty where it can."""
    of_the_line = (Experiment.Tests.SUBJECT, Experiment.Tests.PREHEADER)
    if metric != Experiment.Metric.HUMAN_OPEN or tests in of_the_line:
        return ""
    return "Openings can decide tests of a subject or preheader only: choose clicks, orders or revenue."


def _store_arm(
    campaign: Campaign,
    position: int,
    key: str,
    name: str,
    role: Variant.Role,
    weight: int,
    content: Mapping[str, Any] | None,
) -> None:
    """Store an arm; a holdout has a salt of its own. None as `content` is no mail."""
    experiment = campaign.experiment
    variant = Variant.objects.create(
        experiment=experiment,
        key=key,
        name=name,
        role=role,
        salt="" if role == Variant.Role.TREATMENT else f"{experiment.salt}:{role}",
        weight=weight,
        position=position,
    )
    if content is None:
        return
    version = content["version"]
    if version._state.adding:
        version.save()
    CampaignVariant.objects.create(
        campaign=campaign,
        variant=variant,
        template_version=version,
        strategy=content["strategy"],
        is_personalised=content["is_personalised"],
        send_shift_hours=content["send_shift_hours"],
    )


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
