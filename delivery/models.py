"""The post office: what is to be sent, in which state it is, and what came back."""

import json

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from common.clock import now
from common.sealed import seal, unseal
from delivery.answers import InDoubt


class Sender(models.Model):
    """Who mail comes from, and by which way it leaves."""

    class Backend(models.TextChoices):
        LOCAL = "local", "Local mailbox (nothing leaves this machine)"
        SMTP = "smtp", "Mail server (SMTP)"
        AMAZON_SES = "amazon_ses", "Amazon SES"
        BREVO = "brevo", "Brevo"
        MAILERSEND = "mailersend", "MailerSend"
        MAILGUN = "mailgun", "Mailgun"
        MAILJET = "mailjet", "Mailjet"
        MAILTRAP = "mailtrap", "Mailtrap"
        MANDRILL = "mandrill", "Mandrill (Mailchimp)"
        POSTAL = "postal", "Postal"
        POSTMARK = "postmark", "Postmark"
        RESEND = "resend", "Resend"
        SCALEWAY = "scaleway", "Scaleway"
        SENDGRID = "sendgrid", "SendGrid"
        SPARKPOST = "sparkpost", "SparkPost"
        UNISENDER_GO = "unisender_go", "Unisender Go"
        GATEWAY = "gateway", "Mail gateway over HTTP"

    name = models.CharField(max_length=100)
    from_name = models.CharField(max_length=100)
    from_email = models.EmailField()
    backend = models.CharField("way out", max_length=20, choices=Backend.choices, default=Backend.LOCAL)
    address = models.CharField(
        max_length=200, blank=True, db_default="", help_text="Where mail is handed in, if it is not known"
    )
    options = models.JSONField(default=dict, blank=True, help_text="What else the way out has to know")
    credentials = models.TextField(
        blank=True, db_default="", editable=False, help_text="Secrets of the way out, encrypted"
    )
    dkim_selector = models.CharField(
        "DKIM selector",
        max_length=63,
        blank=True,
        db_default="",
        help_text="The name under which the domain's DKIM key is published; empty: the provider's usual ones",
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
                condition=~Q(backend__in=["gateway", "smtp"]) | ~Q(address=""),
                name="sender_has_address",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.from_name} <{self.from_email}>"

    @property
    def domain(self) -> str:
        """The domain that mail comes from."""
        return self.from_email.rpartition("@")[2].lower()

    def secrets(self) -> dict[str, str]:
        """The secrets of the way out, by name. Raises `common.sealed.Unreadable`."""
        return dict(json.loads(unseal(self.credentials))) if self.credentials else {}

    def set_secrets(self, secrets: dict[str, str]) -> None:
        """Replace the secrets; saving is the caller's."""
        self.credentials = seal(json.dumps(secrets)) if secrets else ""


class WarmUp(models.Model):
    """How many mails a sender hands over on each day until its provider knows it, and how far that has come.

    `step` (from 0) is that of `day`, the last day on which mail left; `used` counts what was first handed over then.
    A day counts when half of its limit was used. Days are those of `settings.TIME_ZONE`.
    """

    sender = models.OneToOneField(Sender, models.CASCADE, primary_key=True, related_name="warm_up")
    daily_limits = ArrayField(models.PositiveIntegerField(validators=[MinValueValidator(1)]))
    step = models.PositiveSmallIntegerField(default=0, db_default=0)
    day = models.DateField(null=True, blank=True)
    used = models.PositiveIntegerField(default=0, db_default=0)
    begun_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(daily_limits__len__gte=1), name="warm_up_has_days"),
        ]

    def __str__(self) -> str:
        return f"Warm-up of {self.sender}"


class SendTally(models.Model):
    """How many mails of a sender were settled within ten minutes, and how."""

    sender = models.ForeignKey(Sender, models.CASCADE, related_name="tallies")
    began_at = models.DateTimeField()
    sent = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    unknown = models.PositiveIntegerField(default=0)

    class Meta:
        verbose_name_plural = "send tallies"
        constraints = [models.UniqueConstraint(fields=["sender", "began_at"], name="send_tally_once")]

    def __str__(self) -> str:
        return f"{self.sender_id} since {self.began_at}"


class SenderCheck(models.Model):
    """One look at a sender's domain, asked for by a colleague or by the calendar. The row is the queue."""

    sender = models.ForeignKey(Sender, models.CASCADE, related_name="checks")
    asked_at = models.DateTimeField(db_default=Now())
    begun_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    findings = models.JSONField(default=list, help_text="What was found: topic, tone and sentence")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["sender"], condition=Q(finished_at=None), name="sender_check_one_waits"
            )
        ]
        indexes = [models.Index(fields=["sender", "-finished_at"], name="sender_check_newest")]

    def __str__(self) -> str:
        return f"Check of sender {self.sender_id}"


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
