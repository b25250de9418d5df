"""What is known about the sources of rows, the rows that wait to be mended, and what colleagues must hear of."""

from datetime import timedelta

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from customers.models.sync import SyncRun, in_words


class DataSource(models.Model):
    """A source as its books name it, with the mapping by which its rows are read now.

    Imports and connectors write it, so that nobody who looks at data health has to know them.
    """

    name = models.CharField(max_length=120, unique=True)
    mapping = models.JSONField(default=dict, blank=True)
    due_every = models.DurationField(null=True, blank=True, help_text="Empty: read when somebody asks for it")
    is_watched = models.BooleanField(default=True, help_text="Off: never late, and raises no alert")

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def late_after(self) -> timedelta | None:
        """How long after its last reading the source counts as late: three turns, ten minutes at least."""
        return max(3 * self.due_every, timedelta(minutes=10)) if self.due_every else None


class QuarantinedRow(models.Model):
    """A row that was refused, with its cells by column: to be mended and retried, or dismissed.

    The same row, refused again by a later run, stays one row here: `fingerprint` is of its source and cells.
    """

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        MENDED = "mended", "Mended"
        DISMISSED = "dismissed", "Dismissed"

    source = models.CharField(max_length=120)
    run = models.ForeignKey(SyncRun, models.SET_NULL, null=True, related_name="quarantine")
    number = models.BigIntegerField(help_text="The row's number in its file; the first after the header is 1")
    reason = models.CharField(max_length=200)
    raw = models.JSONField(help_text="Pairs of column and cell; empty where the row could not be read")
    occurrence = models.CharField(max_length=20, blank=True)
    fingerprint = models.BinaryField(max_length=16)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    created_at = models.DateTimeField(db_default=Now())
    settled_at = models.DateTimeField(null=True, blank=True)
    settled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "fingerprint"], name="quarantined_row_once")]
        indexes = [
            models.Index(
                fields=["source", "reason", "id"],
                condition=models.Q(state="waiting"),
                name="quarantine_waiting",
            )
        ]

    def __str__(self) -> str:
        return f"Row {self.number:,} of {self.source}"

    @property
    def cells(self) -> dict[str, str]:
        """Its cells by column, in the file's order."""
        return dict(self.raw)

    @property
    def in_words(self) -> str:
        """Why it waits, for people."""
        return in_words(self.reason)


class FieldUse(models.Model):
    """Something above uses a field of customers: `first_name`, `attributes.club`, `orders_count`.

    Apps above write these rows, so that data health can say who suffers when a field is empty or its source is late.
    """

    user_kind = models.CharField(max_length=20)
    user_id = models.BigIntegerField()
    label = models.CharField(max_length=200)
    field = models.CharField(max_length=200)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user_kind", "user_id", "field"], name="field_use_once")
        ]
        indexes = [models.Index(fields=["field"], name="field_use_field")]

    def __str__(self) -> str:
        return f"{self.label} uses {self.field}"


class HealthFigures(models.Model):
    """Figures about all customers that are too big to count for each page: the newest row is shown."""

    computed_at = models.DateTimeField()
    customers = models.BigIntegerField()
    without_address = models.BigIntegerField()
    without_consent = models.BigIntegerField()
    audience = models.BigIntegerField(help_text="Customers who may be mailed")
    empty = models.JSONField(help_text="For each field in use: in how many of the audience it is empty")
    without_rate = models.JSONField(
        default=dict,
        db_default={},
        help_text="For each currency: orders and refunds without an exchange rate",
    )

    class Meta:
        verbose_name_plural = "health figures"

    def __str__(self) -> str:
        return f"Health figures of {self.computed_at:%Y-%m-%d %H:%M}"


class Alert(models.Model):
    """Something that colleagues must hear of. One open alert for one cause (`key`), however often it is found."""

    class Severity(models.TextChoices):
        WARNING = "warning", "Warning"
        DANGER = "danger", "Serious"

    key = models.CharField(max_length=200)
    severity = models.CharField(max_length=10, choices=Severity.choices)
    title = models.CharField(max_length=200)
    body = models.TextField(blank=True)
    raised_at = models.DateTimeField(db_default=Now())
    resolved_at = models.DateTimeField(null=True, blank=True)
    mailed_at = models.DateTimeField(null=True, blank=True)
    seen_by = ArrayField(models.BigIntegerField(), default=list, db_default=[], help_text="Users' ids")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["key"], condition=models.Q(resolved_at=None), name="one_open_alert_per_cause"
            )
        ]

    def __str__(self) -> str:
        return self.title


class AlertSubscription(models.Model):
    """A colleague's own word on alerts by e-mail; administrators get them unless they said no."""

    user = models.OneToOneField(settings.AUTH_USER_MODEL, models.CASCADE, related_name="+")
    is_wanted = models.BooleanField()

    def __str__(self) -> str:
        return f"{self.user}: {'alerts' if self.is_wanted else 'no alerts'} by e-mail"


class Reconciliation(models.Model):
    """One comparison of a source, read again from its beginning, with what is stored."""

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        RUNNING = "running", "Running"
        DONE = "done", "Done"
        FAILED = "failed", "Failed"

    source = models.CharField(max_length=120)
    state = models.CharField(max_length=10, choices=State.choices, default=State.WAITING)
    requested_at = models.DateTimeField(db_default=Now())
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    lease_until = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    result = models.JSONField(default=dict)
    error = models.TextField(blank=True)

    def __str__(self) -> str:
        return f"Reconciliation of {self.source}"
