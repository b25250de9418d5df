"""What people asked of us as their right, and what is left of those who were erased."""

import uuid

from django.conf import settings
from django.db import models
from django.db.models.functions import Now

from customers.models.customer import Customer


class PrivacyRequest(models.Model):
    """Somebody used a right; `due_at` is what the law allows."""

    class Kind(models.TextChoices):
        ACCESS = "access", "Copy of their data"
        ERASURE = "erasure", "Erasure"
        OBJECTION = "objection", "Objection to profiling or marketing"
        DO_NOT_SELL = "do_not_sell", "Do not sell or share (CCPA)"

    class State(models.TextChoices):
        OPEN = "open", "Open"
        DONE = "done", "Done"
        REFUSED = "refused", "Refused"

    DAYS = {Kind.ACCESS: 30, Kind.ERASURE: 30, Kind.OBJECTION: 30, Kind.DO_NOT_SELL: 45}

    kind = models.CharField(max_length=20, choices=Kind.choices)
    state = models.CharField(max_length=10, choices=State.choices, default=State.OPEN)
    customer = models.ForeignKey(
        Customer, models.SET_NULL, null=True, blank=True, related_name="privacy_requests"
    )
    contact = models.CharField(max_length=320, blank=True, help_text="Where the answer goes")
    note = models.CharField(max_length=1000, blank=True)
    source = models.CharField(max_length=100, help_text="By hand, preference page, browser signal …")
    received_at = models.DateTimeField()
    due_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)
    closed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )

    on_merge = "move"

    class Meta:
        indexes = [
            models.Index(fields=["due_at"], condition=models.Q(state="open"), name="privacy_request_open")
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}, due {self.due_at:%Y-%m-%d}"


class ErasureReceipt(models.Model):
    """One erasure: when, who asked, how many rows of what. Nothing in it is about the person."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    erased_at = models.DateTimeField(db_default=Now())
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    reason = models.CharField(max_length=100)
    counts = models.JSONField(default=dict, help_text="Rows deleted or emptied, by table, and files changed")

    def __str__(self) -> str:
        return f"Erasure {str(self.pk)[:8]}"


class Tombstone(models.Model):
    """The keyed hash of an id or address of somebody who was erased: later events for it are refused."""

    key_hash = models.BinaryField(max_length=32, primary_key=True)
    receipt = models.ForeignKey(ErasureReceipt, models.PROTECT, related_name="tombstones")

    def __str__(self) -> str:
        return f"{bytes(self.key_hash).hex()[:12]}…"
