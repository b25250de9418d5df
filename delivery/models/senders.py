"""Senders: who mail comes from, by which way, and how fast a new one may send."""

import json

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

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
