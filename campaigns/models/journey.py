"""Journeys: their versions, who is on the way, and what they have been through."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from campaigns.models.content import Version
from common.sealed_field import SealedField

ON_THE_WAY = Q(is_active=True)


class Journey(models.Model):
    """Steps that customers go through after something happened. Its mails are the `dispatch`'s.

    `listens` holds what news may enter somebody, or wake who waits: the bits of `customers.news`.
    """

    class State(models.TextChoices):
        DRAFT = "draft", "Draft"
        ACTIVE = "active", "Active"
        PAUSED = "paused", "Paused"
        CLOSED = "closed", "Closed to new customers"

    WALKING = (State.ACTIVE, State.CLOSED)

    key = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=150)
    sender = models.ForeignKey("delivery.Sender", models.PROTECT, related_name="+")
    dispatch = models.OneToOneField("delivery.Dispatch", models.PROTECT, null=True, editable=False)
    state = models.CharField(max_length=10, choices=State.choices, default=State.DRAFT, editable=False)
    live_version = models.ForeignKey(
        "JourneyVersion", models.PROTECT, null=True, editable=False, related_name="+"
    )
    draft = models.JSONField(default=dict, editable=False, help_text="The document that is being written")
    listens = models.BigIntegerField(default=0, db_default=0, editable=False)
    webhook_secret = SealedField(blank=True, help_text="Signs what webhook steps send; begins with whsec_")
    active_since = models.DateTimeField(null=True, blank=True, editable=False)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, editable=False
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class JourneyVersion(Version):
    """One wording of a journey; the database refuses changes. `templates` are those that its steps send, by step."""

    journey = models.ForeignKey(Journey, models.PROTECT, related_name="versions")
    document = models.JSONField()
    templates = models.JSONField(default=dict)
    checksum = models.CharField(max_length=64)

    class Meta(Version.Meta):
        constraints = [models.UniqueConstraint(fields=["journey", "number"], name="journey_version_number")]

    def __str__(self) -> str:
        return f"{self.journey} v{self.number}"


class Enrolment(models.Model):
    """A customer's way through a journey. The row is the queue: `due_at`, of the database's clock, is when it goes on.

    `is_active` is true or NULL, so that a constraint without a condition lets nobody be on one way twice, and merging
    can read it. `entry_key` names what entered them. `waits_since` is set while the step is a wait that has begun.
    """

    journey = models.ForeignKey(Journey, models.PROTECT, related_name="enrolments", db_index=False)
    version = models.ForeignKey(JourneyVersion, models.PROTECT, related_name="enrolments")
    customer = models.ForeignKey("customers.Customer", models.PROTECT, related_name="+")
    entry_key = models.CharField(max_length=80)
    is_active = models.BooleanField(null=True, default=True, db_default=True)
    step = models.CharField(max_length=40)
    position = models.PositiveIntegerField(default=0, db_default=0)
    due_at = models.DateTimeField(db_default=Now())
    waits_since = models.DateTimeField(null=True, blank=True)
    awaits = models.BigIntegerField(default=0, db_default=0, help_text="The news that wake it: bits")
    failures = models.PositiveSmallIntegerField(default=0, db_default=0)
    started_at = models.DateTimeField(db_default=Now())
    ended_at = models.DateTimeField(null=True, blank=True)
    ending = models.CharField(max_length=20, blank=True, db_default="", help_text="How it ended")

    on_merge = "move"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["journey", "customer", "entry_key"], name="enrolled_once"),
            models.UniqueConstraint(fields=["journey", "customer", "is_active"], name="on_the_way_once"),
            models.CheckConstraint(
                condition=Q(is_active=True, ended_at=None) | Q(is_active=None, ended_at__isnull=False),
                name="enrolment_is_active_or_ended",
            ),
        ]
        indexes = [
            models.Index(fields=["journey", "due_at", "id"], condition=ON_THE_WAY, name="enrolment_queue"),
            models.Index(fields=["version"], condition=ON_THE_WAY, name="enrolment_version"),
        ]

    def __str__(self) -> str:
        return f"{self.customer_id} at {self.step}"


class StepVisit(models.Model):
    """A step that somebody has done, and how it came out. A position stands once, so that no step is done twice."""

    enrolment = models.ForeignKey(Enrolment, models.CASCADE, related_name="visits", db_index=False)
    position = models.PositiveIntegerField()
    step = models.CharField(max_length=40)
    outcome = models.CharField(max_length=60)
    at = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["enrolment", "position"], name="step_visit_once")]

    def __str__(self) -> str:
        return f"{self.step}: {self.outcome}"


class StepCount(models.Model):
    """How many arrived at a step, and how many left it with which outcome. Who is there now is the difference."""

    ARRIVED = "arrived"

    version = models.ForeignKey(JourneyVersion, models.CASCADE, related_name="counts")
    step = models.CharField(max_length=40)
    outcome = models.CharField(max_length=60)
    count = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["version", "step", "outcome"], name="step_count_once")]

    def __str__(self) -> str:
        return f"{self.step} {self.outcome}: {self.count}"


class JourneyBell(models.Model):
    """News of a customer that a journey listens to: claimed by deleting. `since` is when the oldest of it came."""

    customer = models.OneToOneField("customers.Customer", models.CASCADE, related_name="+")
    changed = models.BigIntegerField()
    since = models.DateTimeField()

    on_merge = "leave"

    def __str__(self) -> str:
        return f"news of {self.customer_id}"


class WebhookCall(models.Model):
    """A call that a webhook step asked for. The row is the queue, and its id the key that a receiver may keep."""

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        DONE = "done", "Taken"
        FAILED = "failed", "Given up"

    enrolment = models.ForeignKey(Enrolment, models.CASCADE, related_name="calls", db_index=False)
    position = models.PositiveIntegerField()
    url = models.CharField(max_length=500)
    body = models.JSONField()
    state = models.CharField(max_length=10, choices=State.choices, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    due_at = models.DateTimeField(db_default=Now())
    said = models.CharField(max_length=200, blank=True, help_text="The last answer")

    class Meta:
        constraints = [models.UniqueConstraint(fields=["enrolment", "position"], name="webhook_call_once")]
        indexes = [models.Index(fields=["due_at"], condition=Q(state="queued"), name="webhook_call_queue")]

    def __str__(self) -> str:
        return f"{self.url}: {self.state}"


def occasion_of(enrolment_id: int, position: int) -> str:
    """Return what makes a mail of a journey one of a kind (see `Message.occasion`)."""
    return f"{enrolment_id}:{position}"
