"""What came back: of each mail, and as it was told."""

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from delivery.models.messages import Message


class MessageEvent(models.Model):
    """What happened to a message after it left. The raw hit is kept; its verdict can be made anew."""

    class Kind(models.TextChoices):
        SENT = "sent", "Sent"
        DELIVERED = "delivered", "Delivered"
        OPENED = "opened", "Opened"
        CLICKED = "clicked", "Clicked"
        DEFERRED = "deferred", "Delayed by the recipient's server"
        BOUNCED = "bounced", "Bounced"
        REJECTED = "rejected", "Refused by the provider"
        COMPLAINED = "complained", "Marked as spam"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"

    class Bounce(models.TextChoices):
        HARD = "hard", "For good: the address does not exist"
        SOFT = "soft", "For now: full, away or busy"
        POLICY = "policy", "By policy: the server does not want our mail"
        OTHER = "other", "For another reason"

    message = models.ForeignKey(Message, models.CASCADE, related_name="events", db_index=False)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    bounce = models.CharField(max_length=10, blank=True, db_default="", choices=Bounce.choices)
    occurred_at = models.DateTimeField()
    link_index = models.PositiveSmallIntegerField(null=True, blank=True)
    user_agent = models.CharField(max_length=300, blank=True)
    is_machine = models.BooleanField(default=False)
    verdict = models.CharField(max_length=50, blank=True, help_text="Why it counts as a machine's")
    dedupe_key = models.CharField(max_length=200, unique=True)
    raw = models.JSONField(null=True, blank=True)
    recorded_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was added to the customer's history; empty: not yet"
    )

    class Meta:
        indexes = [
            models.Index(fields=["message", "kind", "occurred_at"], name="message_event_kind"),
            models.Index(fields=["id"], condition=Q(recorded_at=None), name="message_event_unrecorded"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} message {self.message_id}"


class WebhookReceipt(models.Model):
    """A provider's report as it came in, after its signature was verified.

    One whose mail is not known waits: the mail is looked for when its provider's id is filed, and at `try_at`.
    """

    class State(models.TextChoices):
        LINKED = "linked", "Its mail is known"
        WAITING = "waiting", "Its mail is looked for"
        UNKNOWN = "unknown", "Nobody knows its mail"

    provider = models.CharField(max_length=50)
    event_key = models.CharField(max_length=200)
    kind = models.CharField(max_length=30)
    raw = models.JSONField()
    message = models.ForeignKey(Message, models.SET_NULL, null=True, blank=True, related_name="+")
    state = models.CharField(
        max_length=10, choices=State.choices, default=State.LINKED, db_default=State.LINKED
    )
    told = models.JSONField(null=True, blank=True, help_text="What it says, while its mail is not known")
    provider_id = models.CharField(max_length=200, blank=True, db_default="")
    try_at = models.DateTimeField(null=True, blank=True)
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "event_key"], name="webhook_once")]
        indexes = [
            models.Index(fields=["try_at"], condition=Q(state="waiting"), name="webhook_waiting"),
            models.Index(fields=["provider_id"], condition=Q(state="waiting"), name="webhook_waiting_for"),
            models.Index(fields=["-id"], condition=~Q(state="linked"), name="webhook_unlinked"),
        ]

    def __str__(self) -> str:
        return f"{self.provider} {self.kind}"
