"""The post office: what is to be sent, in which state it is, and what came back."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator, URLValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from delivery.answers import InDoubt


class Sender(models.Model):
    """Who mail comes from, and by which way it leaves."""

    class Backend(models.TextChoices):
        LOCAL = "local", "Local mailbox (nothing leaves this machine)"
        GATEWAY = "gateway", "Mail gateway over HTTP"

    name = models.CharField(max_length=100)
    from_name = models.CharField(max_length=100)
    from_email = models.EmailField()
    backend = models.CharField(max_length=10, choices=Backend.choices, default=Backend.LOCAL)
    address = models.CharField(
        max_length=200,
        blank=True,
        db_default="",
        validators=[URLValidator(["https", "http"])],
        help_text="Where the gateway takes mail: https://mail.example/messages",
    )
    secret = models.CharField(
        max_length=200, blank=True, db_default="", help_text="Sent to the gateway as a bearer token"
    )
    in_doubt = models.CharField(
        "when an answer is lost",
        max_length=10,
        choices=InDoubt.choices,
        default=InDoubt.LEAVE,
        db_default=InDoubt.LEAVE,
        help_text="What the gateway promises about a mail that it may have taken; the local mailbox keeps keys",
    )
    rate_per_second = models.PositiveIntegerField(
        default=500, validators=[MinValueValidator(1)], help_text="Messages a second, at most"
    )

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(rate_per_second__gte=1),
                name="sender_rate_positive",
            ),
            models.CheckConstraint(
                condition=~Q(backend="gateway") | ~Q(address=""), name="sender_gateway_has_address"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_name} <{self.from_email}>"


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
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        verbose_name_plural = "dispatches"

    def __str__(self) -> str:
        return self.name


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

    TERMINAL = (State.SENT, State.SKIPPED, State.SUPPRESSED, State.FAILED, State.UNKNOWN)

    dispatch = models.ForeignKey(Dispatch, models.PROTECT, related_name="messages")
    customer = models.ForeignKey("customers.Customer", models.PROTECT, related_name="messages")
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


class MessageEvent(models.Model):
    """What happened to a message after it left. The raw hit is kept; its verdict can be made anew."""

    class Kind(models.TextChoices):
        SENT = "sent", "Sent"
        DELIVERED = "delivered", "Delivered"
        OPENED = "opened", "Opened"
        CLICKED = "clicked", "Clicked"
        BOUNCED = "bounced", "Bounced"
        REJECTED = "rejected", "Refused by the provider"
        COMPLAINED = "complained", "Marked as spam"
        UNSUBSCRIBED = "unsubscribed", "Unsubscribed"

    message = models.ForeignKey(Message, models.CASCADE, related_name="events")
    kind = models.CharField(max_length=20, choices=Kind.choices)
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
    """A provider's report as it came in, after its signature was verified."""

    provider = models.CharField(max_length=50)
    event_key = models.CharField(max_length=200)
    kind = models.CharField(max_length=30)
    raw = models.JSONField()
    message = models.ForeignKey(Message, models.SET_NULL, null=True, blank=True, related_name="+")
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [models.UniqueConstraint(fields=["provider", "event_key"], name="webhook_once")]

    def __str__(self) -> str:
        return f"{self.provider} {self.kind}"
