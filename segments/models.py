"""Named descriptions of customers, and who fits them."""

from datetime import UTC, datetime

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now

# Windows reach back from "now": without bounds they would leave the calendar.
_MOMENTS = [
    MinValueValidator(datetime(1900, 1, 1, tzinfo=UTC)),
    MaxValueValidator(datetime(2200, 1, 1, tzinfo=UTC)),
]


class Segment(models.Model):
    """A condition with a name. Membership is stored; `as_of` pins "now" for data that ends in the past."""

    key = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    condition = models.JSONField(help_text="The condition as JSON; see docs/conditions.md")
    as_of = models.DateTimeField(
        "now is",
        null=True,
        blank=True,
        validators=_MOMENTS,
        help_text="Leave empty for the present; set it for historical data.",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    member_count = models.IntegerField(default=0, editable=False)
    refreshed_at = models.DateTimeField(null=True, blank=True, editable=False)
    refresh_ms = models.IntegerField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SegmentMembership(models.Model):
    """A customer who fits a segment, and since when."""

    segment = models.ForeignKey(Segment, models.CASCADE, related_name="memberships")
    customer = models.ForeignKey("customers.Customer", models.CASCADE, related_name="memberships")
    entered_at = models.DateTimeField()

    on_merge = "move"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "customer"], name="membership_unique")]

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.segment_id}"


class MembershipChange(models.Model):
    """Somebody entered or left a segment."""

    class Kind(models.TextChoices):
        ENTERED = "entered", "Entered"
        LEFT = "left", "Left"

    segment = models.ForeignKey(Segment, models.CASCADE, related_name="changes")
    customer = models.ForeignKey("customers.Customer", models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    cause = models.CharField(max_length=20, help_text="edit, event or schedule")
    changed_at = models.DateTimeField(db_default=Now())

    on_merge = "move"

    class Meta:
        indexes = [models.Index(fields=["segment", "-changed_at"], name="change_latest")]

    def __str__(self) -> str:
        return f"{self.customer_id} {self.kind} {self.segment_id}"
