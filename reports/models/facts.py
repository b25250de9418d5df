"""What reports read of each message and order: made from the raw rows, and made again whenever those change."""

from django.db import models

ORDER_PARTS = 1_000_000
"""An order is so many parts, so that shares of it add up exactly."""


class Change(models.Model):
    """Something that is counted changed: written by triggers in the change's own transaction, claimed by deleting."""

    class Kind(models.TextChoices):
        MESSAGE = "message", "Message"
        ORDER = "order", "Order"
        CAMPAIGN = "campaign", "Campaign of whose window an order was taken"

    kind = models.CharField(max_length=10, choices=Kind.choices)
    ref = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.kind} {self.ref}"


class Attribution(models.Model):
    """A message's share of an order. The shares of one order add up to the whole of it, or there are none."""

    order = models.ForeignKey("customers.Order", models.DO_NOTHING, db_constraint=False, related_name="+")
    message = models.ForeignKey("delivery.Message", models.DO_NOTHING, db_constraint=False, related_name="+")
    dispatch = models.ForeignKey(
        "delivery.Dispatch", models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    variant_key = models.CharField(max_length=50, blank=True)
    day = models.DateField(help_text="Of the order, UTC")
    touched_at = models.DateTimeField(help_text="The last click or opening that counted")
    order_parts = models.IntegerField(help_text="Millionths of the order")
    revenue_minor = models.BigIntegerField(
        help_text="Net of refunds, in the reporting currency; 0 where there is no rate"
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["order", "message"], name="attribution_once"),
        ]

    def __str__(self) -> str:
        return f"Order {self.order_id} after message {self.message_id}"


class MessageFact(models.Model):
    """A message that was sent, and the days (UTC) on which something first happened to it."""

    message = models.OneToOneField(
        "delivery.Message", models.DO_NOTHING, primary_key=True, db_constraint=False, related_name="+"
    )
    dispatch = models.ForeignKey(
        "delivery.Dispatch", models.DO_NOTHING, db_constraint=False, related_name="+"
    )
    variant_key = models.CharField(max_length=50, blank=True)
    domain = models.CharField(max_length=253, blank=True)
    client = models.CharField(max_length=30, blank=True, help_text="With which program a person read it")
    stage = models.CharField(max_length=100, blank=True, help_text="The reader's when this was first counted")
    sent_on = models.DateField()
    opened_on = models.DateField(null=True, help_text="By a person")
    machine_opened_on = models.DateField(null=True)
    clicked_on = models.DateField(null=True, help_text="By a person")
    unsubscribed_on = models.DateField(null=True)
    bounced_on = models.DateField(null=True)
    complained_on = models.DateField(null=True)
    order_parts = models.BigIntegerField(default=0)
    revenue_minor = models.BigIntegerField(default=0)

    def __str__(self) -> str:
        return f"Facts of message {self.message_id}"


class MessagePart(models.Model):
    """A rule that decided about a message, or a strategy that filled it with products."""

    class Dimension(models.TextChoices):
        RULE = "rule", "Rule"
        STRATEGY = "strategy", "Strategy"

    message = models.ForeignKey("delivery.Message", models.DO_NOTHING, db_constraint=False, related_name="+")
    dimension = models.CharField(max_length=10, choices=Dimension.choices)
    key = models.CharField(max_length=200)
    shown = models.IntegerField(default=0, help_text="Products")
    chosen = models.IntegerField(default=0, help_text="Products that a person clicked")
    bought = models.IntegerField(default=0, help_text="Products that the reader bought within the window")
    bought_minor = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["message", "dimension", "key"], name="message_part_once")
        ]

    def __str__(self) -> str:
        return f"{self.dimension} {self.key} of message {self.message_id}"
