"""What colleagues enter about a campaign before its launch, beside the campaign itself."""

from typing import Any

from django import forms

from accounts.models import User
from campaigns.forms import checked_name
from campaigns.models import Campaign, CampaignTags, Pilot
from customers.models import Customer
from segments.finding import find_customer
from segments.models import Segment


class TagsForm(forms.ModelForm):  # type: ignore[type-arg]
    """UTM parameters; a campaign that has none begins with its own name."""

    class Meta:
        model = CampaignTags
        fields = ["utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term"]

    @classmethod
    def of(cls, campaign: Campaign, data: Any = None) -> "TagsForm":
        """Start from what the campaign has."""
        stored = CampaignTags.objects.filter(campaign=campaign).first()
        return cls(data, instance=stored or CampaignTags(campaign=campaign, utm_campaign=campaign.key))


class PilotForm(forms.ModelForm):  # type: ignore[type-arg]
    """Who goes first, for how long it is watched, and what must not happen."""

    class Meta:
        model = Pilot
        fields = ["percent", "segment", "wait_hours", *Pilot.LIMITS, "continues_by_itself"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        segment = self.fields["segment"]
        assert isinstance(segment, forms.ModelChoiceField)
        segment.queryset = Segment.objects.active()

    @classmethod
    def of(cls, campaign: Campaign, data: Any = None) -> "PilotForm":
        """Start from what is planned."""
        stored = Pilot.objects.filter(campaign=campaign).first()
        return cls(
            data, instance=stored or Pilot(campaign=campaign), initial={} if stored else {"percent": 10}
        )


class CloneForm(forms.Form):
    """What a copy of a campaign is called, and what it takes over."""

    name = forms.CharField(max_length=150, help_text="For you and your colleagues; customers never see it.")
    newest_templates = forms.BooleanField(
        required=False, initial=True, help_text="Otherwise the versions that the first one sent."
    )
    same_arms = forms.BooleanField(
        label="The same people in the same arms",
        required=False,
        help_text="To go on with a comparison; otherwise everybody is drawn anew.",
    )

    def clean_name(self) -> str:
        """Refuse a name whose key is taken."""
        return checked_name(self.cleaned_data["name"])


class AskForm(forms.Form):
    """What the second person should know."""

    note = forms.CharField(max_length=300, required=False, label="What should they know?")


class AnswerForm(forms.Form):
    """Why it is approved or refused."""

    reason = forms.CharField(max_length=300, required=False, label="Why? (kept with the answer)")


class TestForm(forms.Form):
    """Whose data a test mail is written with, which arms, and who gets it: colleagues, never a free address."""

    __test__ = False

    customer = forms.CharField(
        label="As the customer",
        max_length=320,
        help_text="E-mail address or id; they get nothing themselves.",
    )
    arms = forms.MultipleChoiceField(label="Which arms", widget=forms.CheckboxSelectMultiple)
    to = forms.ModelMultipleChoiceField(
        User.objects.filter(is_active=True).order_by("email"), label="To", widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, campaign: Campaign, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        arms = self.fields["arms"]
        assert isinstance(arms, forms.MultipleChoiceField)
        arms.choices = list(campaign.variants.values_list("variant__key", "variant__name"))
        arms.initial = [key for key, _ in arms.choices]

    def clean_customer(self) -> Customer:
        """Find the customer."""
        found = find_customer(self.cleaned_data["customer"].strip())
        if found is None or found.is_anonymous:
            raise forms.ValidationError("Nobody has this e-mail address or id.")
        return found
