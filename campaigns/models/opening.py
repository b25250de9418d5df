"""Products that a mail chose when it was opened, and what was shown of them."""

from typing import Any

from django.db import models
from django.db.models.functions import Now


class Opening(models.Model):
    """What a mail's shelves hold from one opening on: chosen then, or, where choosing failed, what was stored with it.

    `shelves` are cards (see `campaigns.open_time.places`), by the shelf's number in the mail and the place on it.
    """

    class Failure(models.TextChoices):
        NONE = "", "Chosen when it was opened"
        LATE = "late", "Choosing took too long"
        FAILED = "failed", "Choosing failed"
        EMPTY = "empty", "There was nothing to choose from"

    message = models.ForeignKey("delivery.Message", models.CASCADE, related_name="openings")
    decided_at = models.DateTimeField(db_default=Now(), db_index=True)
    shelves = models.JSONField()
    failure = models.CharField(max_length=10, blank=True, choices=Failure.choices, default=Failure.NONE)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"Opening {self.pk} of message {self.message_id}"

    def card(self, slot: int, place: int) -> dict[str, Any] | None:
        """Return what stands at a place; None where there is no such place."""
        cards = self.shelves[slot] if slot < len(self.shelves) else ()
        return cards[place] if place < len(cards) else None


class Shown(models.Model):
    """That a picture of an opening was fetched. `verdict` says why it was a machine; empty for a person."""

    opening = models.ForeignKey(Opening, models.CASCADE, related_name="shown")
    slot = models.PositiveSmallIntegerField()
    place = models.PositiveSmallIntegerField()
    shown_at = models.DateTimeField(db_default=Now())
    verdict = models.CharField(max_length=60, blank=True)

    class Meta:
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.opening}: {self.slot}/{self.place}"
