"""What is to be sent, in which state it is, and what each customer got."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from delivery.models.senders import Sender


class Letter(models.Model):
    """A mail to one person that belongs to no campaign. The row is the queue; its words are written when it leaves."""

    class Kind(models.TextChoices):
        OPT_IN = "opt_in", "Please confirm"
        TEST = "test", "A test of the sender"
        DIGEST = "digest", "A weekly digest"

    class State(models.TextChoices):
        WAITING = "waiting", "Waiting"
        SENDING = "sending", "Being sent"
        SENT = "sent", "Sent"
        FAILED = "failed", "Failed"
        UNKNOWN = "unknown", "Unknown"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    sender = models.ForeignKey(Sender, models.CASCADE, related_name="letters")
    opt_in = models.OneToOneField("customers.OptIn", models.CASCADE, null=True, blank=True, related_name="+")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.CASCADE, null=True, blank=True, related_name="+"
    )
    state = models.CharField(
        max_length=10, choices=State.choices, default=State.WAITING, db_default=State.WAITING
    )
    reason = models.CharField(max_length=200, blank=True, db_default="", help_text="What the provider said")
    attempts = models.PositiveSmallIntegerField(default=0, db_default=0)
    asked_at = models.DateTimeField(db_default=Now())
    due_at = models.DateTimeField(
        db_default=Now(), help_text="When it is sent; while it is being sent, when that is given up"
    )
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(kind="opt_in", opt_in__isnull=False, user=None)
                | Q(kind__in=["test", "digest"], opt_in=None, user__isnull=False),
                name="letter_has_its_reader",
            )
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(state__in=["waiting", "sending"]), name="letter_due"),
            models.Index(fields=["sender", "-id"], name="letter_newest"),
        ]

    def __str__(self) -> str:
        return f"Letter {self.pk}"


class Dispatch(models.Model):
    """A pile of messages that start, pause and stop together. Finished is derived: nothing left to send."""

    class State(models.TextChoices):
        SENDING = "sending", "Sending"
        PAUSED = "paused", "Paused"
        CANCELLED = "cancelled", "Cancelled"

    class Kind(models.TextChoices):
        CAMPAIGN = "campaign", "Campaign"
        JOURNEY = "journey", "Journey"
        TEST = "test", "Test"

    name = models.CharField(max_length=200)
    kind = models.CharField(
        max_length=10, choices=Kind.choices, default=Kind.CAMPAIGN, db_default=Kind.CAMPAIGN
    )
    sender = models.ForeignKey(Sender, models.PROTECT)
    state = models.CharField(max_length=10, choices=State.choices, default=State.SENDING)
    priority = models.SmallIntegerField(default=0, db_default=0, help_text="Higher ones are sent first")
    rate_per_second = models.PositiveIntegerField(
        null=True,
        blank=True,
        validators=[MinValueValidator(1)],
        help_text="Messages a second, at most; empty: the sender's rate alone",
    )
    verdicts_frozen_at = models.DateTimeField(
        null=True, blank=True, help_text="Hits until then keep the verdict that they had"
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "dispatches"

    def __str__(self) -> str:
        return self.name


class LinkList(models.Model):
    """Links that many messages have in common: those of a template's version. Never changed."""

    digest = models.CharField(max_length=64, unique=True)
    urls = ArrayField(models.TextField())

    def __str__(self) -> str:
        return f"{len(self.urls)} links"


class Message(models.Model):
    """One mail to one customer: the row is the queue. Times of the queue are the database's."""

    class State(models.TextChoices):
        QUEUED = "queued", "Waiting"
        HELD = "held", "Held back"
        IN_FLIGHT = "in_flight", "Being sent"
        SENT = "sent", "Sent"
        SKIPPED = "skipped", "Skipped"
        SUPPRESSED = "suppressed", "Suppressed"
        FAILED = "failed", "Failed"
        UNKNOWN = "unknown", "Unknown"

    class SettledBy(models.TextChoices):
        REPORT = "report", "A report of the provider"
        ASKED = "asked", "The provider, when asked"

    OPEN = (State.QUEUED, State.HELD, State.IN_FLIGHT)
    TERMINAL = (State.SENT, State.SKIPPED, State.SUPPRESSED, State.FAILED, State.UNKNOWN)

    dispatch = models.ForeignKey(Dispatch, models.PROTECT, related_name="messages", db_index=False)
    customer = models.ForeignKey(
        "customers.Customer", models.PROTECT, related_name="messages", db_index=False
    )
    variant_key = models.CharField(max_length=50, blank=True)
    occasion = models.CharField(
        max_length=60,
        blank=True,
        db_default="",
        help_text="Which of several mails of a dispatch to one customer",
    )
    state = models.CharField(
        max_length=10, choices=State.choices, default=State.QUEUED, db_default=State.QUEUED
    )
    reason = models.CharField(max_length=200, blank=True, db_default="", help_text="Why it was not sent")
    due_at = models.DateTimeField(db_default=Now())
    attempts = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="How often sending it was begun and not called off"
    )
    deaths = models.PositiveSmallIntegerField(
        default=0, db_default=0, help_text="How many workers died while they had it"
    )
    fence = models.IntegerField(
        default=0, db_default=0, help_text="Grows with each claim; an old claim cannot settle"
    )
    lease_until = models.DateTimeField(null=True, blank=True)
    recipient = models.CharField(max_length=320, blank=True, db_default="")
    subject = models.CharField(max_length=500, blank=True, db_default="")
    provider_id = models.CharField(max_length=200, blank=True, db_default="")
    content_sha256 = models.CharField(max_length=64, blank=True, db_default="")
    resolved = models.JSONField(
        null=True, blank=True, help_text="Versions and resolved variables of what was sent"
    )
    link_list = models.ForeignKey(
        LinkList,
        models.PROTECT,
        null=True,
        blank=True,
        db_index=False,
        related_name="+",
        help_text="The links that it shares with others; its own come after them",
    )
    links = ArrayField(models.TextField(), null=True, blank=True)
    raw = models.BinaryField(
        null=True,
        editable=False,
        help_text="The mail itself, from just before it is handed over until it is settled",
    )
    fallbacks = models.PositiveSmallIntegerField(default=0, db_default=0)
    settled_by = models.CharField(
        max_length=10,
        blank=True,
        db_default="",
        choices=SettledBy.choices,
        help_text="Who knew what became of it after it was unknown",
    )
    handed_over_at = models.DateTimeField(
        null=True, blank=True, help_text="When it was first about to be handed over as it is"
    )
    sent_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(db_default=Now())

    on_merge = "move"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dispatch", "customer", "occasion"], name="one_message_each"),
            models.CheckConstraint(
                condition=Q(raw=None) | Q(state__in=["queued", "in_flight"]), name="message_raw_not_kept"
            ),
        ]
        indexes = [
            models.Index(
                fields=["dispatch", "due_at", "id"],
                condition=Q(state="queued"),
                name="message_queue_of_dispatch",
            ),
            models.Index(fields=["lease_until"], condition=Q(state="in_flight"), name="message_leases"),
            models.Index(fields=["dispatch", "state"], name="message_dispatch_state"),
            models.Index(fields=["customer", "sent_at"], name="message_customer"),
            models.Index(fields=["provider_id"], condition=~Q(provider_id=""), name="message_provider_id"),
            models.Index(fields=["id"], condition=Q(state="unknown"), name="message_unknown"),
            models.Index(
                fields=["dispatch", "due_at"],
                condition=Q(state="queued", raw__isnull=False),
                name="message_in_doubt",
            ),
        ]

    def __str__(self) -> str:
        return f"Message {self.pk}"

    @staticmethod
    def key_of(message_id: int) -> str:
        """The idempotency key of a message: the same for every attempt."""
        return f"regards-{message_id}"


class MailboxMessage(models.Model):
    """A mail in the local mailbox. `key` is the idempotency key: handed in twice, it is kept once."""

    key = models.CharField(max_length=100, unique=True)
    recipient = models.CharField(max_length=320)
    subject = models.CharField(max_length=500)
    raw = models.BinaryField()
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        indexes = [models.Index(fields=["-received_at", "-id"], name="mailbox_newest")]

    def __str__(self) -> str:
        return f"{self.subject} → {self.recipient}"
