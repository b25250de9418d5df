"""What a customer allowed, how that came about, and addresses that get no mail whatever they allowed."""

from django.db import models
from django.db.models.functions import Now

from customers.models.customer import Customer


class Purpose(models.TextChoices):
    """What a customer may allow, each by itself."""

    MARKETING_EMAIL = "marketing_email", "Marketing e-mail"
    OPEN_TRACKING = "open_tracking", "Noting which e-mails are opened"
    CLICK_TRACKING = "click_tracking", "Noting which links are followed"
    PROFILING = "profiling", "Learning tastes and predicting interests"


class ConsentText(models.Model):
    """A wording that people are asked to agree to. A new wording is a new version; old ones stay as proof."""

    purpose = models.CharField(max_length=30, choices=Purpose.choices)
    version = models.PositiveIntegerField()
    wording = models.TextField()
    sha256 = models.CharField(max_length=64, editable=False)
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["purpose", "version"], name="consent_text_version"),
            models.UniqueConstraint(fields=["purpose", "sha256"], name="consent_text_wording"),
        ]

    def __str__(self) -> str:
        return f"{self.purpose} v{self.version}"


class Consent(models.Model):
    """A customer's present answer for one purpose, for SQL to filter. No row means: never asked, so no."""

    Purpose = Purpose

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="consents", db_index=False)
    purpose = models.CharField(max_length=30, choices=Purpose.choices, default=Purpose.MARKETING_EMAIL)
    is_granted = models.BooleanField()
    changed_at = models.DateTimeField()
    source = models.CharField(max_length=100, help_text="Form, import, unsubscribe link …")
    proof = models.CharField(max_length=500, blank=True)
    text = models.ForeignKey(ConsentText, models.PROTECT, null=True, blank=True, related_name="+")

    on_merge = "move"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["customer", "purpose"], name="consent_unique")]

    def __str__(self) -> str:
        return f"{self.purpose}: {'granted' if self.is_granted else 'withdrawn'}"


class ConsentRecord(models.Model):
    """One answer as it was given. Rows are only added; the last one of a purpose is the `Consent`."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="consent_records", db_index=False)
    purpose = models.CharField(max_length=30, choices=Purpose.choices)
    is_granted = models.BooleanField()
    at = models.DateTimeField()
    source = models.CharField(max_length=100)
    proof = models.CharField(max_length=500, blank=True)
    text = models.ForeignKey(ConsentText, models.PROTECT, null=True, blank=True, related_name="+")

    on_merge = "move"

    class Meta:
        indexes = [models.Index(fields=["customer", "-at"], name="consent_record_latest")]

    def __str__(self) -> str:
        return f"{self.purpose} {'granted' if self.is_granted else 'withdrawn'}, {self.at:%Y-%m-%d}"


class OptIn(models.Model):
    """Somebody typed an address into a sign-up form; it counts once the mail to it is answered.

    Nobody is a customer before that. The address is emptied when it is confirmed; `texts` are what was shown, by
    purpose.
    """

    email = models.CharField(max_length=320, blank=True)
    texts = models.JSONField()
    source = models.CharField(max_length=100)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["email", "-asked_at"], name="opt_in_email")]

    def __str__(self) -> str:
        return f"Opt-in {self.pk}"


class Suppression(models.Model):
    """An address that must not be written to, kept as a keyed hash (see `customers.consent.address_hash`)."""

    class Scope(models.TextChoices):
        ALL = "all", "No mail at all"
        MARKETING = "marketing", "No marketing; mail about an order may go out"

    class Reason(models.TextChoices):
        HARD_BOUNCE = "hard_bounce", "The address does not exist"
        COMPLAINT = "complaint", "Marked as spam"
        MANUAL = "manual", "Entered by hand"
        UNSUBSCRIBED = "unsubscribed", "Said no to marketing before they came here"

    address_hash = models.BinaryField(max_length=32, unique=True, editable=False)
    scope = models.CharField(max_length=10, choices=Scope.choices, default=Scope.ALL, db_default=Scope.ALL)
    reason = models.CharField(max_length=20, choices=Reason.choices)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{bytes(self.address_hash).hex()[:12]}… ({self.reason})"
