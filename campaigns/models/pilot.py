"""A launch that begins with a few: who they are, what must not happen, and what was decided."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from accounts.models import User
from campaigns.models.campaign import Campaign

SHARE = [MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))]


class Pilot(models.Model):
    """The first part of a campaign's audience: so many in a hundred, drawn by a hash, or the members of a segment.

    Everybody else's message is *held* until the pilot is judged. Limits are in per cent.
    """

    class State(models.TextChoices):
        PLANNED = "planned", "Planned"
        RUNNING = "running", "Under way"
        WAITING = "waiting", "Waits for your decision"
        CONTINUED = "continued", "Passed: the rest was released"
        STOPPED = "stopped", "Stopped: the rest gets no mail"

    UNDECIDED = (State.RUNNING, State.WAITING)
    LIMITS = ("max_bounced", "max_complained", "max_unsubscribed", "max_failed", "max_fell_back")
    _PLAN = ("percent", "segment_id", "wait_hours", *LIMITS, "continues_by_itself")

    campaign = models.OneToOneField(Campaign, models.CASCADE, related_name="pilot")
    percent = models.PositiveSmallIntegerField(
        "so many in a hundred",
        null=True,
        blank=True,
        validators=[MinValueValidator(1), MaxValueValidator(90)],
        help_text="Drawn by a hash, the same share of each arm. Or leave it empty and choose a segment.",
    )
    segment = models.ForeignKey(
        "segments.Segment",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name="or the members of",
        help_text="Those of the audience who are in this segment, colleagues for example.",
    )
    wait_hours = models.PositiveSmallIntegerField(
        "hours to wait",
        default=4,
        validators=[MinValueValidator(1), MaxValueValidator(240)],
        help_text="After the last mail of the pilot; then it is judged.",
    )
    max_bounced = models.DecimalField(
        "bounces, % of what was sent", max_digits=5, decimal_places=2, default=2, validators=SHARE
    )
    max_complained = models.DecimalField(
        "complaints, %", max_digits=5, decimal_places=2, default=Decimal("0.1"), validators=SHARE
    )
    max_unsubscribed = models.DecimalField(
        "unsubscribes, %", max_digits=5, decimal_places=2, default=1, validators=SHARE
    )
    max_failed = models.DecimalField(
        "mails that failed, %", max_digits=5, decimal_places=2, default=1, validators=SHARE
    )
    max_fell_back = models.DecimalField(
        "mails in which something fell back, %",
        max_digits=5,
        decimal_places=2,
        default=100,
        validators=SHARE,
        help_text="A missing name or an empty slot counts.",
    )
    continues_by_itself = models.BooleanField(
        "go on by itself when nothing is above its limit",
        default=False,
        help_text="Otherwise a person decides in any case.",
    )
    state = models.CharField(max_length=10, choices=State.choices, default=State.PLANNED, editable=False)
    verdict = models.JSONField(default=dict, editable=False, help_text="The figures it was judged by")
    edited_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+"
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, editable=False, related_name="+"
    )
    decided_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(percent=None, segment__isnull=False) | Q(percent__isnull=False, segment=None),
                name="pilot_percent_or_segment",
                violation_error_message="Say how many in a hundred, or choose a segment: one of the two.",
            ),
            models.CheckConstraint(
                condition=Q(percent=None) | Q(percent__gte=1, percent__lte=90), name="pilot_percent"
            ),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(state="running"), name="pilot_running")]

    def __str__(self) -> str:
        return f"Pilot of {self.campaign}"

    def plan(self) -> dict[str, Any]:
        """Return what colleagues decide about it."""
        return {name: getattr(self, name) for name in self._PLAN}

    def copy_to(self, campaign: Campaign, *, by: User | None) -> "Pilot":
        """Plan the same for another campaign."""
        return Pilot.objects.create(campaign=campaign, edited_by=by, **self.plan())
