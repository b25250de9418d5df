"""Which profiles became one, and every row that moved or changed because of it."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from customers.models.customer import Customer


class Merge(models.Model):
    """The profile `absorbed` became part of `survivor`; undone where `undone_at` says so.

    `absorbed_before` holds what the absorbed profile gave up: its address, and whether it was anonymous.
    """

    class Cause(models.TextChoices):
        DEVICE = "device", "Signed in on a device"
        ALIAS = "alias", "A source said that two ids are one person"
        REVIEW = "review", "Merged by hand"
        ADDRESS = "address", "Came with the customer's address"

    survivor = models.ForeignKey(Customer, models.PROTECT, related_name="merges")
    absorbed = models.ForeignKey(Customer, models.PROTECT, related_name="absorptions")
    cause = models.CharField(max_length=10, choices=Cause.choices)
    evidence = models.CharField(max_length=300, blank=True, help_text="The id or address that told")
    absorbed_before = models.JSONField(default=dict)
    merged_at = models.DateTimeField(db_default=Now())
    merged_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    undone_at = models.DateTimeField(null=True, blank=True)
    undone_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )

    on_merge = "leave"

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["absorbed"], condition=Q(undone_at=None), name="absorbed_by_one_at_a_time"
            ),
            models.CheckConstraint(condition=~Q(survivor=models.F("absorbed")), name="merge_of_two"),
        ]

    def __str__(self) -> str:
        return f"{self.absorbed_id} → {self.survivor_id}"


class MergedRow(models.Model):
    """One row that a merge moved (`change` is NULL), changed, or made.

    `change` is `{"was": {…}, "became": {…}}` by column, or `{"made": true}`.
    """

    merge = models.ForeignKey(Merge, models.CASCADE, related_name="rows")
    model = models.CharField(max_length=100, help_text="The row's model, such as customers.order")
    key = models.CharField(max_length=100, help_text="The row's primary key; of an event its message id")
    change = models.JSONField(null=True)

    def __str__(self) -> str:
        return f"{self.model} {self.key}"
