"""The truth about money. Revenue is always summed from here."""

from django.db import models
from django.db.models.functions import Now

from customers.models.customer import Customer


class Order(models.Model):
    """A purchase, known by its id in a namespace that sources may share: an event, a webhook and a nightly pull of
    it are one row.
    """

    source = models.CharField(
        max_length=50, help_text="The namespace of its id: a source, unless several share one"
    )
    external_id = models.CharField(max_length=200)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="orders", db_index=False)
    placed_at = models.DateTimeField()
    currency = models.CharField(max_length=3)
    total_minor = models.BigIntegerField(help_text="Sum of the lines, in minor units, before refunds")
    refunded_minor = models.BigIntegerField(default=0, db_default=0)
    told_by = models.CharField(
        max_length=50, blank=True, db_default="", help_text="The source that is believed about it"
    )
    told_rank = models.IntegerField(default=0, db_default=0, help_text="See customers.precedence")
    is_placed_told = models.BooleanField(
        default=False, db_default=False, help_text="Off: that it was placed follows from its lines"
    )
    created_at = models.DateTimeField(db_default=Now())

    on_merge = "move"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="order_source_id")]
        indexes = [
            models.Index(fields=["customer", "placed_at"], name="order_customer_placed"),
            models.Index(fields=["placed_at"], name="order_placed"),
        ]

    def __str__(self) -> str:
        return f"{self.source}:{self.external_id}"


class OrderLine(models.Model):
    """One product of an order. `line` is the source's own line id, unique in its order.

    The database does not check its two references: ingest makes order and product before the line, and the check
    of each row cost a third of an import's time.
    """

    order = models.ForeignKey(
        Order, models.CASCADE, related_name="lines", db_constraint=False, db_index=False
    )
    line = models.CharField(max_length=64)
    product = models.ForeignKey(
        "products.Product",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        db_constraint=False,
        db_index=False,
    )
    description = models.CharField(max_length=300, blank=True)
    quantity = models.IntegerField()
    unit_price_minor = models.BigIntegerField()
    total_minor = models.BigIntegerField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["order", "line"], name="order_line_unique")]
        indexes = [models.Index(fields=["product"], name="order_line_product")]

    def __str__(self) -> str:
        return f"{self.quantity} × {self.description or self.product}"


class Refund(models.Model):
    """Money given back. `order` is NULL where the source does not say which purchase it belongs to."""

    source = models.CharField(max_length=50)
    external_id = models.CharField(max_length=200)
    customer = models.ForeignKey(Customer, models.PROTECT, related_name="refunds", db_index=False)
    order = models.ForeignKey(Order, models.PROTECT, null=True, blank=True, related_name="refunds")
    refunded_at = models.DateTimeField()
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField(help_text="Positive: what the customer got back, in minor units")
    order_name = models.CharField(
        max_length=200,
        blank=True,
        db_default="",
        help_text="The order as the source names it, there or not yet",
    )
    told_by = models.CharField(max_length=50, blank=True, db_default="")
    told_rank = models.IntegerField(default=0, db_default=0)
    rest_key = models.UUIDField(
        null=True,
        blank=True,
        help_text="The event that gave back whatever was left of the order, without saying how much",
    )
    created_at = models.DateTimeField(db_default=Now())

    on_merge = "move"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["source", "external_id"], name="refund_source_id")]
        indexes = [
            models.Index(fields=["customer", "refunded_at"], name="refund_customer_at"),
            models.Index(
                fields=["source", "order_name"],
                name="refund_unlinked",
                condition=models.Q(order=None) & ~models.Q(order_name=""),
            ),
            models.Index(fields=["order"], name="refund_rest", condition=models.Q(rest_key__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.source}:{self.external_id}"
