"""What a campaign adds to links into the shop, so that the shop's own statistics know where a visit came from."""

from typing import Any

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models

from accounts.models import User
from campaigns.models.campaign import Campaign

NAMES = ("utm_source", "utm_medium", "utm_campaign", "utm_content", "utm_term")
ONE_LINE = RegexValidator(r"^[^\x00-\x1f\x7f\x85\u2028\u2029]*$", "Use one line without control characters.")


class CampaignTags(models.Model):
    """The UTM parameters of a campaign's links; an empty one is left out. Kept as they are from the launch on."""

    campaign = models.OneToOneField(Campaign, models.CASCADE, related_name="tags")
    utm_source = models.CharField(
        "source", max_length=100, default="newsletter", validators=[ONE_LINE], help_text="utm_source"
    )
    utm_medium = models.CharField(
        "medium", max_length=100, default="email", validators=[ONE_LINE], help_text="utm_medium"
    )
    utm_campaign = models.CharField(
        "campaign", max_length=100, validators=[ONE_LINE], help_text="utm_campaign"
    )
    utm_content = models.CharField(
        "content", max_length=100, blank=True, validators=[ONE_LINE], help_text="utm_content; usually empty"
    )
    utm_term = models.CharField(
        "term", max_length=100, blank=True, validators=[ONE_LINE], help_text="utm_term; usually empty"
    )
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+"
    )

    def __str__(self) -> str:
        return f"UTM of {self.campaign}"

    def plan(self) -> dict[str, Any]:
        """Return what is added, by name."""
        return {name: getattr(self, name) for name in NAMES}

    def copy_to(self, campaign: Campaign, *, by: User | None) -> "CampaignTags":
        """Add the same to another campaign's links, under its own name."""
        plan = self.plan() | {"utm_campaign": campaign.key}
        return CampaignTags.objects.create(campaign=campaign, edited_by=by, **plan)
