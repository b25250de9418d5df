"""Campaigns, what their arms get, and who was to get it."""

from django.conf import settings
from django.db import models
from django.db.models import Exists, OuterRef
from django.db.models.functions import Now

from campaigns.models.content import TemplateVersion
from delivery.models import Message
from recommendations.strategies import BESTSELLERS, LABELS


class CampaignQuerySet(models.QuerySet["Campaign"]):
    """Campaigns."""

    def with_progress(self) -> "CampaignQuerySet":
        """Add `has_open`: whether a message of it has not reached its final state."""
        left = Message.objects.filter(dispatch=OuterRef("dispatch")).exclude(state__in=Message.TERMINAL)
        return self.annotate(has_open=Exists(left))


class Campaign(models.Model):
    """A mail to a segment, as an experiment. Its messages are the `dispatch`'s."""

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        LAUNCHED = "launched", "Launched"

    key = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    segment = models.ForeignKey("segments.Segment", models.PROTECT, related_name="campaigns")
    experiment = models.OneToOneField("experiments.Experiment", models.PROTECT, related_name="campaign")
    sender = models.ForeignKey("delivery.Sender", models.PROTECT)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT, editable=False)
    dispatch = models.OneToOneField(
        "delivery.Dispatch", models.PROTECT, null=True, blank=True, editable=False
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    launched_at = models.DateTimeField(null=True, blank=True, editable=False)
    data_doubts = models.JSONField(
        default=list,
        db_default=[],
        editable=False,
        help_text="What data health said against the launch, which was launched all the same",
    )
    rule_set_versions = models.ManyToManyField(
        "rules.RuleSetVersion", blank=True, editable=False, related_name="campaigns"
    )

    objects = CampaignQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name


class FrozenBlock(models.Model):
    """A block as it was when the campaign was launched: later edits do not change a running test."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="blocks")
    key = models.SlugField(max_length=100)
    compiled_html = models.TextField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "key"], name="frozen_block_once")]

    def __str__(self) -> str:
        return f"{self.key} of {self.campaign}"


class CampaignVariant(models.Model):
    """What a mailed arm of the experiment gets."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="variants")
    variant = models.OneToOneField("experiments.Variant", models.PROTECT, related_name="+")
    template_version = models.ForeignKey(TemplateVersion, models.PROTECT, related_name="+")
    strategy = models.CharField(max_length=20, choices=LABELS, default=BESTSELLERS)
    is_personalised = models.BooleanField(
        default=True, help_text="Off: rules are not asked; slots show their fallback."
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["campaign", "variant"], name="campaign_variant")]

    def __str__(self) -> str:
        return f"{self.campaign}: {self.variant}"


class Recipient(models.Model):
    """The launch snapshot: each member of the segment at launch, with the arm or the reason why not."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="recipients")
    customer = models.ForeignKey("customers.Customer", models.PROTECT, related_name="+")
    variant_key = models.CharField(max_length=50, blank=True)
    exclusion = models.CharField(
        max_length=50, blank=True, help_text="Why this member is in no arm; empty: in one"
    )
    created_at = models.DateTimeField(db_default=Now())

    on_merge = "move"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "customer"], name="recipient_once"),
            models.CheckConstraint(
                condition=~models.Q(variant_key="", exclusion="")
                & (models.Q(variant_key="") | models.Q(exclusion="")),
                name="recipient_arm_or_reason",
            ),
        ]
        indexes = [models.Index(fields=["campaign", "variant_key", "exclusion"], name="recipient_counts")]

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.variant_key or self.exclusion}"
