"""Named descriptions of customers, who fits them, and the lifecycle that everybody is somewhere in."""

from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models.functions import Now
from django.urls import reverse

# Windows reach back from "now": without bounds they would leave the calendar.
MOMENTS = [
    MinValueValidator(datetime(1900, 1, 1, tzinfo=UTC)),
    MaxValueValidator(datetime(2200, 1, 1, tzinfo=UTC)),
]


def everybody() -> dict[str, Any]:
    """Return the condition that every known customer fits."""
    return {"all": []}


class SegmentQuerySet(models.QuerySet["Segment"]):
    """Segments, by what may be done with them."""

    def active(self) -> "SegmentQuerySet":
        """Those that are kept fresh and offered; archived ones are neither."""
        return self.filter(archived_at__isnull=True)


class Segment(models.Model):
    """A condition or a list with a name. Membership is stored; `as_of` pins "now" for data that ends in the past.

    Members of a segment with a parent are members of the parent too. Those of a static one are on its list.
    """

    class Kind(models.TextChoices):
        DYNAMIC = "dynamic", "Kept by a condition"
        STATIC = "static", "A fixed list"

    key = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    kind = models.CharField(
        max_length=10, choices=Kind.choices, default=Kind.DYNAMIC, db_default=Kind.DYNAMIC
    )
    condition = models.JSONField(default=everybody, help_text="The condition as JSON; see docs/conditions.md")
    parent = models.ForeignKey(
        "self",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="children",
        verbose_name="part of",
        help_text="Only members of that segment can be in this one.",
    )
    is_core = models.BooleanField(
        "core segment",
        default=False,
        db_default=False,
        help_text="One of the five to ten by which you run your marketing.",
    )
    as_of = models.DateTimeField(
        "now is",
        null=True,
        blank=True,
        validators=MOMENTS,
        help_text="Leave empty for the present; set it for historical data.",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)
    archived_at = models.DateTimeField(null=True, blank=True, editable=False)
    is_trigger = models.BooleanField(
        default=False, db_default=False, editable=False, help_text="Journeys wait for who enters it"
    )
    member_count = models.IntegerField(default=0, editable=False)
    refreshed_at = models.DateTimeField(null=True, blank=True, editable=False)
    refresh_ms = models.IntegerField(null=True, blank=True, editable=False)

    objects = SegmentQuerySet.as_manager()

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """The address of its page."""
        return reverse("segments:detail", args=[self.key])

    @property
    def is_static(self) -> bool:
        """Whether a list, not a condition, says who is in it."""
        return self.kind == self.Kind.STATIC


class SegmentMembership(models.Model):
    """A customer who fits a segment, and since when."""

    segment = models.ForeignKey(Segment, models.CASCADE, related_name="memberships", db_index=False)
    customer = models.ForeignKey("customers.Customer", models.CASCADE, related_name="memberships")
    entered_at = models.DateTimeField()

    on_merge = "move"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "customer"], name="membership_unique")]

    def __str__(self) -> str:
        return f"{self.customer_id} in {self.segment_id}"


class MembershipChange(models.Model):
    """Somebody entered or left a segment.

    `is_news` marks who entered a trigger of journeys, until they claim it. What an edit moved is none: nobody did
    anything.
    """

    class Kind(models.TextChoices):
        ENTERED = "entered", "Entered"
        LEFT = "left", "Left"

    segment = models.ForeignKey(Segment, models.CASCADE, related_name="changes", db_index=False)
    customer = models.ForeignKey("customers.Customer", models.CASCADE, related_name="+")
    kind = models.CharField(max_length=10, choices=Kind.choices)
    cause = models.CharField(max_length=20, help_text="edit, event, schedule or launch")
    changed_at = models.DateTimeField(db_default=Now())
    is_news = models.BooleanField(default=False, db_default=False)

    on_merge = "move"

    class Meta:
        indexes = [
            models.Index(fields=["segment", "id"], name="change_by_id"),
            models.Index(fields=["id"], condition=models.Q(is_news=True), name="change_is_news"),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} {self.kind} {self.segment_id}"


class SegmentDay(models.Model):
    """How many were in a segment when a day (UTC) ended, or are by now, and how many came and went during it."""

    segment = models.ForeignKey(Segment, models.CASCADE, related_name="days")
    day = models.DateField()
    members = models.IntegerField()
    entered = models.IntegerField(default=0)
    left = models.IntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "day"], name="segment_day_unique")]

    def __str__(self) -> str:
        return f"{self.segment_id} on {self.day}"


class ListedCustomer(models.Model):
    """A customer on the list of a static segment, whether they are counted at the moment or not."""

    segment = models.ForeignKey(Segment, models.CASCADE, related_name="listed", db_index=False)
    customer = models.ForeignKey("customers.Customer", models.CASCADE, related_name="+")
    added_at = models.DateTimeField(db_default=Now())

    on_merge = "move"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["segment", "customer"], name="listed_unique")]

    def __str__(self) -> str:
        return f"{self.customer_id} on the list of {self.segment_id}"


class ListFill(models.Model):
    """One time a list was filled: how many lines named a customer, and the lines that named nobody."""

    segment = models.ForeignKey(Segment, models.CASCADE, related_name="fills")
    name = models.CharField(max_length=200, help_text="The file's name, or where the customers came from")
    lines = models.IntegerField()
    matched = models.IntegerField(help_text="Customers whom the lines named, each once")
    unknown_count = models.IntegerField()
    unknown = models.TextField(blank=True, help_text="The lines that named nobody, as CSV with the reason")
    filled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    filled_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return self.name


class Reference(models.Model):
    """Something uses a segment: another segment, a stage, and what apps above tell. It keeps the segment from deletion.

    `key` is what the user is called in its own kind; `url` leads to it, where it has a page.
    """

    segment = models.ForeignKey(Segment, models.PROTECT, related_name="references")
    user_kind = models.CharField(max_length=20)
    user_key = models.CharField(max_length=100)
    label = models.CharField(max_length=200)
    url = models.CharField(max_length=300, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["segment", "user_kind", "user_key"], name="reference_once")
        ]
        indexes = [models.Index(fields=["user_kind", "user_key"], name="reference_user")]

    def __str__(self) -> str:
        return f"{self.label} uses {self.segment_id}"


class Lifecycle(models.Model):
    """The one row that is locked while stages are changed or customers judged by them."""

    ONLY = 1

    id = models.SmallIntegerField(primary_key=True, default=ONLY)
    as_of = models.DateTimeField(
        "now is",
        null=True,
        blank=True,
        validators=MOMENTS,
        help_text="Leave empty for the present; set it for historical data.",
    )
    refreshed_at = models.DateTimeField(null=True, blank=True, editable=False)
    refresh_ms = models.IntegerField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name_plural = "lifecycle"
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_lifecycle")]

    def __str__(self) -> str:
        return "The lifecycle"


class LifecycleStage(models.Model):
    """A step of the lifecycle. A customer is in the first, by position, whose condition they fit.

    The one stage without a condition is for everybody else, and stands at `LAST`.
    """

    LAST = 9999

    key = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    description = models.TextField(blank=True)
    position = models.PositiveSmallIntegerField()
    condition = models.JSONField(null=True, blank=True)
    member_count = models.IntegerField(default=0, editable=False)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(
                fields=["position"], deferrable=models.Deferrable.DEFERRED, name="stage_position_unique"
            ),
            models.CheckConstraint(
                condition=models.Q(condition__isnull=True, position=9999)
                | models.Q(condition__isnull=False, position__lt=9999),
                name="the_rest_comes_last",
            ),
        ]

    def __str__(self) -> str:
        return self.name


class StageChange(models.Model):
    """A customer moved to another stage; `from_stage` is empty where it was the first. Stages are named by key.

    Journeys claim rows whose `claimed_at` is empty. What an edit moved is born claimed: nobody did anything.
    """

    customer = models.ForeignKey("customers.Customer", models.CASCADE, related_name="stage_changes")
    from_stage = models.CharField(max_length=100, blank=True)
    to_stage = models.CharField(max_length=100)
    cause = models.CharField(max_length=20, help_text="edit, event, schedule or launch")
    changed_at = models.DateTimeField(db_default=Now())
    claimed_at = models.DateTimeField(null=True, blank=True)

    on_merge = "move"

    class Meta:
        indexes = [
            models.Index(
                fields=["id"], condition=models.Q(claimed_at__isnull=True), name="stage_change_unclaimed"
            ),
            models.Index(fields=["changed_at"], name="stage_change_time"),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.from_stage or 'nothing'} → {self.to_stage}"
