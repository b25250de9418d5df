"""What a customer allowed, and addresses that get no mail whatever they allowed."""

from django.db import models
from django.db.models.functions import Now

from customers.models.customer import Customer


class Consent(models.Model):
    """A customer's present answer for one purpose, with its proof. No row means: never asked, so no."""

    class Purpose(models.TextChoices):
        MARKETING_EMAIL = "marketing_email", "Marketing e-mail"

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="consents")
    purpose = models.CharField(max_length=30, choices=Purpose.choices, default=Purpose.MARKETING_EMAIL)
    is_granted = models.BooleanField()
    changed_at = models.DateTimeField()
    source = models.CharField(max_length=100, help_text="Form, import, unsubscribe link …")
    proof = models.CharField(max_length=500, blank=True)

    on_merge = "move"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["customer", "purpose"], name="consent_unique")]

    def __str__(self) -> str:
        return f"{self.purpose}: {'granted' if self.is_granted else 'withdrawn'}"


class Suppression(models.Model):
    """An address that must not be written to, kept as a keyed hash (see `customers.consent.address_hash`)."""

    class Reason(models.TextChoices):
        HARD_BOUNCE = "hard_bounce", "The address does not exist"
        COMPLAINT = "complaint", "Marked as spam"
        MANUAL = "manual", "Entered by hand"

    address_hash = models.BinaryField(max_length=32, unique=True, editable=False)
    reason = models.CharField(max_length=20, choices=Reason.choices)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{bytes(self.address_hash).hex()[:12]}… ({self.reason})"
