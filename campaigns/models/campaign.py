"""Campaigns, what their arms get, and who was to get it."""

from zoneinfo import ZoneInfo

from django.conf import settings
from django.core.validators import MaxValueValidator
from django.db import models
from django.db.models import Exists, OuterRef, Q
from django.db.models.functions import Now
from timezone_field import TimeZoneField

from campaigns.models.content import TemplateVersion
from campaigns.timing import Kind, Past, QuietHours, Timing
from delivery.models import Message
from recommendations.strategies import BESTSELLERS, LABELS

MOST_SHIFT_HOURS = 7 * 24


class CampaignQuerySet(models.QuerySet["Campaign"]):
    """Campaigns."""

    def with_progress(self) -> "CampaignQuerySet":
        """Add `has_open`: whether a message of it has not reached its final state."""
        return self.annotate(has_open=self._left())

    def unfinished(self) -> "CampaignQuerySet":
        """Those with a message that has not reached its final state."""
        return self.filter(self._left())

    @staticmethod
    def _left() -> Exists:
        return Exists(
            Message.objects.filter(dispatch=OuterRef("dispatch")).exclude(state__in=Message.TERMINAL)
        )


class Campaign(models.Model):
    """A mail to a segment, as an experiment. Its messages are the `dispatch`'s.

    One that repeats is never launched itself: each occurrence is a campaign of its own, whose `parent` it is.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        SCHEDULED = "scheduled", "Scheduled"
        HELD = "held", "Held"
        LAUNCHED = "launched", "Launched"
        ENDED = "ended", "Series ended"

    class When(models.TextChoices):
        MOMENT = Kind.MOMENT.value, "To everybody at one moment"
        ZONE = Kind.ZONE.value, "At this time of the day where each person lives"
        HABIT = Kind.HABIT.value, "On this day, at the hour at which each person usually reads mail"

    class PastZones(models.TextChoices):
        TOMORROW = Past.TOMORROW.value, "Send the next day at that time"
        NOW = Past.NOW.value, "Send right away"
        SKIP = Past.SKIP.value, "Leave them out, and count them"

    class Repeats(models.TextChoices):
        NEVER = "", "Once"
        DAILY = "daily", "Every day"
        WEEKLY = "weekly", "Every week"
        MONTHLY = "monthly", "Every month"

    class Priority(models.IntegerChoices):
        LOW = -1, "Low"
        NORMAL = 0, "Normal"
        HIGH = 1, "High"

    UNFROZEN = (State.DRAFT, State.SCHEDULED, State.HELD)

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

    # When
    timing_kind = models.CharField(
        max_length=10, choices=When.choices, default=When.MOMENT, db_default=When.MOMENT
    )
    send_on = models.DateField(null=True, blank=True)
    send_at = models.TimeField(null=True, blank=True)
    timezone = TimeZoneField(default="UTC", db_default="UTC", use_pytz=False)
    past_zones = models.CharField(
        max_length=10, choices=PastZones.choices, default=PastZones.TOMORROW, db_default=PastZones.TOMORROW
    )
    quiet_from = models.TimeField(null=True, blank=True)
    quiet_until = models.TimeField(null=True, blank=True)
    launch_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When it is launched by itself; of a series, the next",
    )
    claimed_at = models.DateTimeField(null=True, blank=True, editable=False)
    scheduled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False, related_name="+"
    )
    held_because = models.TextField(blank=True, db_default="", editable=False)
    last_due_at = models.DateTimeField(
        null=True,
        blank=True,
        editable=False,
        help_text="When the last mail was planned for; empty: the launch",
    )
    # How often
    repeats = models.CharField(
        max_length=10, choices=Repeats.choices, default=Repeats.NEVER, blank=True, db_default=""
    )
    repeats_until = models.DateField(null=True, blank=True)
    draws_arms_anew = models.BooleanField(
        default=False, db_default=False, help_text="Else everybody stays in their arm through the series"
    )
    parent = models.ForeignKey(
        "self", models.PROTECT, null=True, blank=True, editable=False, related_name="occurrences"
    )
    occurrence = models.PositiveIntegerField(null=True, blank=True, editable=False)
    # Against others
    priority = models.SmallIntegerField(
        choices=Priority.choices, default=Priority.NORMAL, db_default=Priority.NORMAL
    )
    topic = models.CharField(max_length=50, blank=True, db_default="")
    ignores_caps = models.BooleanField(default=False, db_default=False)

    objects = CampaignQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(fields=["parent", "occurrence"], name="campaign_occurrence_once"),
            models.CheckConstraint(
                condition=Q(quiet_from=None, quiet_until=None)
                | Q(quiet_from__isnull=False, quiet_until__isnull=False),
                name="campaign_quiet_hours_whole",
            ),
        ]
        indexes = [
            models.Index(fields=["launch_at"], condition=Q(state="scheduled"), name="campaign_scheduled")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_series(self) -> bool:
        """Whether it repeats."""
        return self.repeats != self.Repeats.NEVER

    @property
    def is_bandit(self) -> bool:
        """Whether arms get shares by what they did before: of a series' occurrences, or its own as one of them.

        Only where arms are drawn anew: else other shares would move people out of the arm that they are in.
        """
        may_be = self.parent_id is not None or (self.is_series and self.draws_arms_anew)
        return may_be and self.experiment.allocation == "bandit"

    @property
    def alert_key(self) -> str:
        """The key of the alert that it is held."""
        return f"campaign:{self.key}:held"

    def timing(self) -> Timing:
        """When its mails are due."""
        quiet = None
        if self.quiet_from is not None and self.quiet_until is not None:
            quiet = QuietHours(begin=self.quiet_from, end=self.quiet_until)
        return Timing(
            kind=Kind(self.timing_kind),
            on=self.send_on,
            at=self.send_at,
            zone=ZoneInfo(str(self.timezone)),
            past=Past(self.past_zones),
            quiet=quiet,
        )


class FrozenBlock(models.Model):
    """A block as it was when the campaign was launched: later edits do not change a running test."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="blocks")
    key = models.SlugField(max_length=100)
    version = models.ForeignKey("campaigns.BlockVersion", models.PROTECT, related_name="+")

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

    send_shift_hours = models.PositiveSmallIntegerField(
        default=0,
        db_default=0,
        validators=[MaxValueValidator(MOST_SHIFT_HOURS)],
        help_text="So many hours later than the campaign's plan says are the mails of this arm due",
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["campaign", "variant"], name="campaign_variant"),
            models.CheckConstraint(
                condition=Q(send_shift_hours__lte=MOST_SHIFT_HOURS), name="campaign_variant_shift"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.campaign}: {self.variant}"


class Recipient(models.Model):
    """The launch snapshot: each member of the segment at launch, with the arm or the reason why not."""

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="recipients", db_index=False)
    customer = models.ForeignKey("customers.Customer", models.PROTECT, related_name="+")
    variant_key = models.CharField(max_length=50, blank=True)
    exclusion = models.CharField(
        max_length=50, blank=True, help_text="Why this member is in no arm; empty: in one"
    )
    due_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="When their mail was planned for, or would have been in an arm without; empty: the launch",
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
