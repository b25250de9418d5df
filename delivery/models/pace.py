"""What holds sending back, and who sends: switches, breakers, paces, buckets and workers."""

from django.conf import settings
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from common.clock import now
from delivery.models.messages import Dispatch
from delivery.models.senders import Sender


class KillSwitch(models.Model):
    """The one row that stops all sending. Each claim share-locks it, so turning it on waits for claims under way."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    is_on = models.BooleanField(default=False, db_default=False)
    reason = models.CharField(max_length=200, blank=True, db_default="")
    changed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    changed_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.CheckConstraint(condition=Q(id=1), name="kill_switch_is_one")]

    def __str__(self) -> str:
        return "All sending is stopped" if self.is_on else "Sending is allowed"


class Breaker(models.Model):
    """A sender whose provider takes nothing: left alone until `retry_at`, then tried with one mail by one worker."""

    sender = models.OneToOneField(Sender, models.CASCADE, primary_key=True)
    refusals = models.PositiveSmallIntegerField(default=0, help_text="In a row")
    reason = models.CharField(max_length=200, blank=True)
    since = models.DateTimeField()
    retry_at = models.DateTimeField()
    probed_until = models.DateTimeField(null=True, blank=True, help_text="While one worker tries")

    def __str__(self) -> str:
        return f"{self.sender} refuses: {self.reason}"


class DomainPace(models.Model):
    """How fast mail may go to one domain, and whether it rests. Of no account for the local mailbox."""

    domain = models.CharField(max_length=253, unique=True)
    rate_per_second = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Messages a second, at most; empty: the sender's rate alone",
    )
    resting_until = models.DateTimeField(null=True, blank=True)
    reason = models.CharField(max_length=200, blank=True, db_default="", help_text="Why it rests")
    refusals = models.PositiveSmallIntegerField(default=0, db_default=0, help_text="In a row")
    next_slot = models.DateTimeField(
        db_default=Now(), editable=False, help_text="When the next mail that had to wait is due"
    )

    class Meta:
        verbose_name = "pace of a domain"
        verbose_name_plural = "paces of domains"
        constraints = [
            models.CheckConstraint(
                condition=Q(rate_per_second=None) | Q(rate_per_second__gte=1), name="domain_rate_positive"
            )
        ]

    def __str__(self) -> str:
        return self.domain

    @property
    def rests(self) -> bool:
        """Whether nothing is sent there just now."""
        return self.resting_until is not None and self.resting_until > now()


class Bucket(models.Model):
    """Permissions to send that are left, for when Valkey cannot say."""

    name = models.CharField(max_length=100, primary_key=True)
    tokens = models.FloatField()
    moment = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class SendWorker(models.Model):
    """The heartbeat of a process that sends."""

    name = models.CharField(max_length=100, primary_key=True)
    dispatch = models.ForeignKey(Dispatch, models.SET_NULL, null=True, related_name="+")
    waits_for = models.CharField(max_length=200, blank=True, db_default="")
    settled = models.PositiveBigIntegerField(default=0, db_default=0)
    started_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name
