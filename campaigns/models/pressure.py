"""How much mail people get in all, and when they read it."""

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now


class ContactCap(models.Model):
    """At most so many mails in so many days, from all campaigns and journeys or from campaigns of one topic."""

    most = models.PositiveSmallIntegerField(
        "mails", validators=[MinValueValidator(1), MaxValueValidator(1_000)]
    )
    within_days = models.PositiveSmallIntegerField(
        "days", validators=[MinValueValidator(1), MaxValueValidator(365)]
    )
    topic = models.CharField(
        max_length=50,
        blank=True,
        db_default="",
        help_text="Counts campaigns of this topic alone; empty: all mail, that of journeys too.",
    )
    created_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["within_days", "topic", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["within_days", "topic"], name="contact_cap_once"),
            models.CheckConstraint(condition=Q(most__gte=1, within_days__gte=1), name="contact_cap_positive"),
        ]

    def __str__(self) -> str:
        return f"{self.most} in {self.within_days} days"


class SendingHabit(models.Model):
    """The hour of their day at which a customer usually opens and clicks (see `campaigns.habits`)."""

    customer = models.OneToOneField(
        "customers.Customer", models.CASCADE, primary_key=True, related_name="sending_habit"
    )
    hour = models.PositiveSmallIntegerField()
    reactions = models.PositiveIntegerField(help_text="How many openings and clicks this was learnt from")
    computed_at = models.DateTimeField(db_default=Now())

    on_merge = "leave"

    def __str__(self) -> str:
        return f"{self.customer_id}: {self.hour}:00"


class ListHabit(models.Model):
    """When the whole list opens and clicks: one row, the prior of each customer's habit."""

    reactions = ArrayField(models.BigIntegerField(), size=24, help_text="Openings and clicks by local hour")
    hour = models.PositiveSmallIntegerField(help_text="The hour for whom nothing is known of")
    computed_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return f"{self.hour}:00"
