"""Models served elsewhere, how their last round went, and the products that one ranked for each customer."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.contrib.postgres.fields import ArrayField
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

RETRY = timedelta(hours=1)
MOST_HOURS = 24 * 366


class ExternalModelQuerySet(models.QuerySet["ExternalModel"]):
    """Models served elsewhere."""

    def holds(self, kind: str) -> bool:
        """Whether one's scores of this kind stand in place of ours; it stays so until the caller's transaction ends."""
        scoring = self.select_for_update().filter(key=kind, gives=ExternalModel.Gives.SCORES)
        model = scoring.first()
        return model is not None and model.is_enabled and model.is_in_use


class ExternalModel(models.Model):
    """One model; of those that give recommendations there is one at most.

    `fence` grows with each round, so that a round that was given up writes nothing any more. `answered_at` is when it
    last gave an answer that could be used, `is_in_use` whether that is what is stored.
    """

    class Gives(models.TextChoices):
        SCORES = "scores", "A score for each customer"
        RECOMMENDATIONS = "recommendations", "Products for each customer"

    class Source(models.TextChoices):
        HTTP = "http", "Asked over HTTP"
        PARQUET = "parquet", "A Parquet file"

    key = models.SlugField(
        max_length=25,
        unique=True,
        help_text="The score's name in conditions. With the name of a prediction of our own, such as churn, it takes "
        "that one's place, and ours steps in where it fails. Of recommendations any name.",
    )
    gives = models.CharField(
        max_length=15,
        choices=Gives.choices,
        default=Gives.SCORES,
        help_text="Products come before those of our own recommender, which fills what is left open",
    )
    source = models.CharField(max_length=10, choices=Source.choices)
    location = models.CharField(
        max_length=500, help_text="An address, or the file's name inside the folder for models (var/external)"
    )
    secret = models.CharField(
        max_length=500, blank=True, help_text="Sent as “Authorization: Bearer …” where it is not empty"
    )
    sends_features = models.BooleanField(
        "send features", default=False, help_text="Send what our own predictions are made from, too"
    )
    lowest = models.FloatField(
        null=True, blank=True, help_text="Lower values are refused; empty: none is too low"
    )
    highest = models.FloatField(null=True, blank=True, help_text="Higher values are refused")
    every_hours = models.PositiveIntegerField(
        default=24, validators=[MinValueValidator(1), MaxValueValidator(MOST_HOURS)]
    )
    stale_after_hours = models.PositiveIntegerField(
        default=72,
        validators=[MinValueValidator(1), MaxValueValidator(MOST_HOURS)],
        help_text="What it said before that is taken out of use, and ours put back",
    )
    is_enabled = models.BooleanField("enabled", default=True)
    is_in_use = models.BooleanField("in use", default=False, editable=False)
    fence = models.IntegerField(default=0, editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    asked_at = models.DateTimeField("last asked", null=True, editable=False)
    answered_at = models.DateTimeField("last usable answer", null=True, editable=False)
    version = models.CharField(max_length=20, blank=True, editable=False)
    scored = models.PositiveIntegerField("customers answered for", default=0, editable=False)
    verdict = models.TextField("how the last round went", blank=True, editable=False)

    objects = ExternalModelQuerySet.as_manager()

    class Meta:
        app_label = "recommendations"
        ordering = ["key"]
        constraints = [
            models.UniqueConstraint(
                fields=["gives"],
                condition=models.Q(gives="recommendations"),
                name="one_external_recommender",
                violation_error_message="There is a model elsewhere that gives recommendations already.",
            )
        ]

    def __str__(self) -> str:
        return self.key

    @property
    def is_recommender(self) -> bool:
        """Whether it gives products rather than scores."""
        return self.gives == self.Gives.RECOMMENDATIONS

    @property
    def what(self) -> str:
        """What it gives, in a word."""
        return "recommendations" if self.is_recommender else "scores"

    @property
    def has_failed(self) -> bool:
        """Whether its last round gave nothing that could be used."""
        return self.asked_at is not None and (self.answered_at is None or self.answered_at < self.asked_at)

    def is_due(self, now: datetime) -> bool:
        """Whether it is to be asked: as often as was said, an hour after a failure."""
        every = timedelta(hours=self.every_hours)
        wait = min(RETRY, every) if self.has_failed else every
        return self.asked_at is None or self.asked_at <= now - wait

    def is_late(self, now: datetime) -> bool:
        """Whether its last usable answer is too old to go on with."""
        since = now - timedelta(hours=self.stale_after_hours)
        return self.answered_at is None or self.answered_at < since


class ExternalRecommendation(models.Model):
    """What the model elsewhere ranked for one customer, best first; there only while it is in use."""

    customer = models.OneToOneField("customers.Customer", models.CASCADE, primary_key=True, related_name="+")
    product_ids = ArrayField(models.BigIntegerField())
    version = models.CharField(max_length=20)
    computed_at = models.DateTimeField()

    on_merge = "leave"

    class Meta:
        app_label = "recommendations"

    def __str__(self) -> str:
        return f"{len(self.product_ids)} products for customer {self.customer_id}"
