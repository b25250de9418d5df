"""A second person's word on a launch."""

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from campaigns.models.campaign import Campaign


class LaunchApproval(models.Model):
    """A request that a launch be approved, and what was answered. `seal` says what was judged, `audience` how big."""

    class Answer(models.TextChoices):
        OPEN = "open", "Waits for an answer"
        APPROVED = "approved", "Approved"
        REFUSED = "refused", "Refused"
        WITHDRAWN = "withdrawn", "Withdrawn"

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="approvals")
    seal = models.CharField(max_length=64)
    audience = models.PositiveIntegerField(help_text="How many were in the segment when it was asked for")
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+")
    asked_at = models.DateTimeField(db_default=Now())
    note = models.CharField(max_length=300, blank=True, help_text="What the second person should know.")
    answer = models.CharField(max_length=10, choices=Answer.choices, default=Answer.OPEN)
    answered_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    answered_at = models.DateTimeField(null=True)
    reason = models.CharField(max_length=300, blank=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign"], condition=Q(answer="open"), name="one_open_approval"
            ),
            models.CheckConstraint(
                condition=~Q(answer="approved")
                | (Q(answered_by__isnull=False) & ~Q(answered_by=F("asked_by"))),
                name="launch_approval_two_people",
                violation_error_message="Nobody approves what they asked for themselves.",
            ),
        ]
        indexes = [models.Index(fields=["id"], condition=Q(answer="open"), name="launch_approval_open")]

    def __str__(self) -> str:
        return f"Approval of {self.campaign}"
