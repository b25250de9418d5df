"""What conditions read about a customer, whichever app wrote it."""

from django.db import models
from django.db.models.functions import Now

from customers.models.customer import Customer
from customers.news import EVERYTHING


class Behaviour(models.Model):
    """Facts that are added up from events.

    Only mergeable ones: sums, counts, minima, maxima, and the pair (time, id) of what came last, where the larger
    id wins a tie, so that events in any order give the same row.
    """

    first_seen_at = models.DateTimeField(null=True)
    last_seen_at = models.DateTimeField(null=True)
    views_count = models.IntegerField(db_default=0, default=0)
    last_view_at = models.DateTimeField(null=True)
    last_viewed_product_id = models.BigIntegerField(null=True)
    last_session_category_id = models.BigIntegerField(null=True)
    carts_count = models.IntegerField(db_default=0, default=0)
    last_cart_at = models.DateTimeField(null=True)
    last_cart_product_id = models.BigIntegerField(null=True)
    last_purchase_at = models.DateTimeField(null=True)
    last_purchase_product_id = models.BigIntegerField(null=True)
    last_purchase_category_id = models.BigIntegerField(null=True)
    units_count = models.BigIntegerField(db_default=0, default=0)
    emails_sent_count = models.IntegerField(db_default=0, default=0)
    last_sent_at = models.DateTimeField(null=True)
    opens_count = models.IntegerField(db_default=0, default=0)
    last_open_at = models.DateTimeField(null=True)
    clicks_count = models.IntegerField(db_default=0, default=0)
    last_click_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class CustomerFacts(Behaviour):
    """One row a customer, kept in the transaction that stores the events.

    `customers.facts.rebuild_facts` makes it anew from orders, events, and what expired events left behind.
    """

    customer = models.OneToOneField(Customer, models.CASCADE, primary_key=True, related_name="facts")
    orders_count = models.IntegerField(db_default=0, default=0)
    first_order_at = models.DateTimeField(null=True)
    last_order_at = models.DateTimeField(null=True)
    revenue_minor = models.BigIntegerField(db_default=0, default=0)
    refunds_count = models.IntegerField(db_default=0, default=0)
    refunded_minor = models.BigIntegerField(db_default=0, default=0)

    on_merge = "leave"

    class Meta:
        verbose_name_plural = "customer facts"
        indexes = [
            models.Index(fields=["last_order_at"], name="facts_last_order"),
            # Conditions on orders ask for these together.
            models.Index(
                fields=["orders_count"],
                include=["customer", "revenue_minor", "last_order_at"],
                name="facts_orders",
            ),
        ]

    def __str__(self) -> str:
        return f"Facts of customer {self.customer_id}"


class FactsBaseline(Behaviour):
    """What expired events added to their customer's facts: a customer may have several rows, which add up."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="+")

    on_merge = "move"

    def __str__(self) -> str:
        return f"Expired events of customer {self.customer_id}"


class Score(models.Model):
    """What a formula or a model says about a customer.

    `percentile` is 0–100, 100 the highest; ties share the higher one.
    """

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="scores", db_index=False)
    kind = models.CharField(max_length=50)
    value = models.FloatField()
    percentile = models.FloatField()
    model_version = models.CharField(max_length=50)
    computed_at = models.DateTimeField()

    on_merge = "move"

    class Meta:
        constraints = [models.UniqueConstraint(fields=["customer", "kind"], name="score_unique")]
        indexes = [models.Index(fields=["kind", "percentile"], include=["customer"], name="score_percentile")]

    def __str__(self) -> str:
        return f"{self.kind} = {self.value:.3f}"


class Assignment(models.Model):
    """Which variant of an experiment a customer was given; written once, never changed."""

    customer = models.ForeignKey(Customer, models.CASCADE, related_name="assignments", db_index=False)
    experiment_key = models.CharField(max_length=100)
    variant_key = models.CharField(max_length=50)
    assigned_at = models.DateTimeField()

    on_merge = "move"

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["customer", "experiment_key"], name="assignment_unique")
        ]
        indexes = [models.Index(fields=["experiment_key", "variant_key"], name="assignment_experiment")]

    def __str__(self) -> str:
        return f"{self.experiment_key}: {self.variant_key}"


class Touched(models.Model):
    """News for one of `settings.TOUCHED_CONSUMERS`: this customer changed. Claimed by deleting.

    `changed` says what, in the bits of `customers.news`; -1 is everything.
    """

    consumer = models.CharField(max_length=30)
    customer = models.ForeignKey(Customer, models.CASCADE, db_constraint=False, related_name="+")
    changed = models.BigIntegerField(db_default=EVERYTHING, default=EVERYTHING)
    touched_at = models.DateTimeField(db_default=Now())

    on_merge = "leave"

    class Meta:
        verbose_name_plural = "touched"
        constraints = [models.UniqueConstraint(fields=["consumer", "customer"], name="touched_unique")]
        indexes = [models.Index(fields=["consumer", "touched_at"], name="touched_oldest")]

    def __str__(self) -> str:
        return f"{self.consumer}: {self.customer_id}"
