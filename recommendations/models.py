"""Trained models with their report cards, and what they say for each customer."""

from django.contrib.postgres.fields import ArrayField
from django.db import models

from recommendations.external.models import ExternalModel as ExternalModel
from recommendations.external.models import ExternalRecommendation as ExternalRecommendation
from recommendations.predictions.models import PredictionVersion as PredictionVersion
from recommendations.versions import TrainedVersion


class ModelVersion(TrainedVersion):
    """One training of one engine of recommendations."""

    subject = "engine"

    engine = models.CharField(max_length=50)
    data_from = models.DateTimeField(null=True, blank=True)
    data_until = models.DateTimeField(null=True, blank=True)
    parameters = models.JSONField(default=dict)

    class Meta:
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(fields=["engine", "number"], name="model_version_number"),
            models.UniqueConstraint(
                fields=["engine", "asked_as"],
                condition=~models.Q(asked_as=""),
                name="model_version_asked_once",
            ),
            models.UniqueConstraint(
                fields=["status"], condition=models.Q(status="champion"), name="one_champion"
            ),
            models.UniqueConstraint(
                fields=["status"], condition=models.Q(status="training"), name="one_training"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.engine} v{self.number}"


class Recommendation(models.Model):
    """The best products for one customer, best first, as the model version saw it.

    `fresh_ids` are those products after what the customer did since, up to `acted_at`; None where they did nothing.
    """

    customer = models.OneToOneField("customers.Customer", models.CASCADE, primary_key=True, related_name="+")
    model_version = models.ForeignKey(ModelVersion, models.CASCADE, related_name="+")
    product_ids = ArrayField(models.BigIntegerField())
    scores = ArrayField(models.FloatField())
    computed_at = models.DateTimeField()
    fresh_ids = ArrayField(models.BigIntegerField(), null=True)
    freshened_at = models.DateTimeField(null=True)
    acted_at = models.DateTimeField(null=True)

    on_merge = "leave"

    def __str__(self) -> str:
        return f"{len(self.product_ids)} products for customer {self.customer_id}"


class PopularProducts(models.Model):
    """What sells best in a country ('' for all) or in a category, and what sells better than usual: fallbacks that
    always exist."""

    class Kind(models.TextChoices):
        BESTSELLERS = "bestsellers", "Bestsellers"
        TRENDING = "trending", "Sells better than usual"
        IN_CATEGORY = "in_category", "Bestsellers of a category"

    kind = models.CharField(max_length=11, choices=Kind.choices, default=Kind.BESTSELLERS)
    country = models.CharField(max_length=2, blank=True)
    category = models.ForeignKey("products.Category", models.CASCADE, null=True, related_name="+")
    product_ids = ArrayField(models.BigIntegerField())
    scores = ArrayField(models.FloatField())
    computed_at = models.DateTimeField()

    class Meta:
        verbose_name_plural = "popular products"
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "country", "category"], name="popular_products_key", nulls_distinct=False
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} of {self.country or 'all countries'}"


class RelatedProducts(models.Model):
    """The products that the same people bought, or looked at, as this one: the nearest first."""

    class Kind(models.TextChoices):
        BOUGHT = "bought", "Bought by the same people"
        VIEWED = "viewed", "Looked at by the same people"

    kind = models.CharField(max_length=6, choices=Kind.choices)
    product = models.ForeignKey("products.Product", models.CASCADE, related_name="+")
    product_ids = ArrayField(models.BigIntegerField())
    scores = ArrayField(models.FloatField())

    class Meta:
        verbose_name_plural = "related products"
        constraints = [models.UniqueConstraint(fields=["product", "kind"], name="related_products_unique")]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: product {self.product_id}"
