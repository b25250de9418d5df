"""The sums that pages show, so that no page reads messages."""

from django.db import models


class Sums(models.Model):
    """What is counted of messages: each once for each thing that happened to it."""

    delivered = models.BigIntegerField(default=0)
    opened = models.BigIntegerField(default=0)
    clicked = models.BigIntegerField(default=0)
    unsubscribed = models.BigIntegerField(default=0)
    bounced = models.BigIntegerField(default=0)
    complained = models.BigIntegerField(default=0)
    order_parts = models.BigIntegerField(default=0)
    revenue_minor = models.BigIntegerField(default=0)

    class Meta:
        abstract = True


class DayFigures(Sums):
    """What happened to a dispatch's messages on one day (UTC), by arm. Orders count on the day they were placed."""

    dispatch = models.ForeignKey(
        "delivery.Dispatch", models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    day = models.DateField()
    variant_key = models.CharField(max_length=50, blank=True)
    sent = models.BigIntegerField(default=0)
    machine_opened = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["dispatch", "day", "variant_key"], name="day_figures_once")
        ]
        indexes = [models.Index(fields=["day"], name="day_figures_day")]

    def __str__(self) -> str:
        return f"Dispatch {self.dispatch_id} on {self.day}"


class PartFigures(Sums):
    """What became of the messages of a dispatch that were sent on one day (UTC), by what they have in common."""

    class Dimension(models.TextChoices):
        DOMAIN = "domain", "Domain"
        CLIENT = "client", "Mail program"
        STAGE = "stage", "Stage"
        RULE = "rule", "Rule"
        STRATEGY = "strategy", "Strategy"

    dispatch = models.ForeignKey(
        "delivery.Dispatch", models.DO_NOTHING, db_constraint=False, db_index=False, related_name="+"
    )
    dimension = models.CharField(max_length=10, choices=Dimension.choices)
    sent_on = models.DateField()
    key = models.CharField(max_length=253, blank=True)
    sent = models.BigIntegerField(default=0)
    shown = models.BigIntegerField(default=0)
    chosen = models.BigIntegerField(default=0)
    bought = models.BigIntegerField(default=0)
    bought_minor = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["dispatch", "dimension", "sent_on", "key"], name="part_figures_once"
            )
        ]
        indexes = [models.Index(fields=["dimension", "sent_on"], name="part_figures_day")]

    def __str__(self) -> str:
        return f"{self.dimension} {self.key} of dispatch {self.dispatch_id}"


class CampaignFigures(models.Model):
    """A launched campaign's books and arms as they were last counted, and what it was worth against each holdout.

    Worths are in minor units: the revenue of all who were treated less what as many held-out customers spent. NULL
    where there is no such holdout.
    """

    campaign = models.OneToOneField(
        "campaigns.Campaign", models.CASCADE, primary_key=True, related_name="figures"
    )
    counted_at = models.DateTimeField()
    took_ms = models.IntegerField()
    is_stale = models.BooleanField(default=False, db_default=False)
    currency = models.CharField(max_length=3)
    window_closes_at = models.DateTimeField(null=True, help_text="Empty while messages wait")
    waiting = models.JSONField(
        null=True,
        help_text="Messages of all arms that have not ended, by state; NULL where that was not kept",
    )
    audience = models.IntegerField()
    excluded = models.JSONField(help_text="How many were left out, by reason")
    arms = models.JSONField(help_text="experiments.outcomes.ArmOutcomes, and messages by state")
    segments = models.JSONField(
        default=list, help_text="The largest segments of the readers, with their sums"
    )
    counted = models.JSONField(default=dict, help_text="reports.counting.Counted")
    mail_worth_minor = models.FloatField(null=True)
    mail_worth_variance = models.FloatField(null=True)
    mail_treated = models.IntegerField(null=True)
    mail_doubt = models.CharField(max_length=200, blank=True)
    personal_worth_minor = models.FloatField(null=True)
    personal_worth_variance = models.FloatField(null=True)
    personal_treated = models.IntegerField(null=True)
    personal_doubt = models.CharField(max_length=200, blank=True)

    def __str__(self) -> str:
        return f"Figures of campaign {self.campaign_id}"


class CohortFigures(models.Model):
    """Of the customers whose first order was in one month (UTC), how many ordered so many months later."""

    first_month = models.DateField()
    months_later = models.PositiveSmallIntegerField()
    customers = models.IntegerField()
    orders = models.IntegerField()
    revenue_minor = models.BigIntegerField(help_text="Net of refunds, in the reporting currency")
    counted_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["first_month", "months_later"], name="cohort_figures_once")
        ]

    def __str__(self) -> str:
        return f"{self.first_month:%Y-%m} + {self.months_later}"
