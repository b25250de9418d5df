"""Experiments: who gets what by chance, and which question that answers."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models


class Experiment(models.Model):
    """A comparison of variants. `salt` decides the split: frozen with the start."""

    class Metric(models.TextChoices):
        HUMAN_CLICK = "human_click", "Clicked (by a person)"
        CONVERSION = "conversion", "Ordered within the window"
        REVENUE = "revenue", "Revenue per recipient within the window"

    key = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    hypothesis = models.TextField(blank=True)
    salt = models.CharField(max_length=100)
    primary_metric = models.CharField(max_length=20, choices=Metric.choices, default=Metric.CONVERSION)
    conversion_window_days = models.PositiveSmallIntegerField(default=7, validators=[MinValueValidator(1)])
    alpha = models.FloatField(default=0.05)
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name


class Variant(models.Model):
    """One arm. Weights are in basis points; an experiment's arms sum to 10,000."""

    class Role(models.TextChoices):
        BASELINE = "baseline", "Without personalisation"
        TREATMENT = "treatment", "With what is tested"
        NO_MAIL = "no_mail", "Gets no mail"

    experiment = models.ForeignKey(Experiment, models.CASCADE, related_name="variants")
    key = models.SlugField(max_length=50)
    name = models.CharField(max_length=100)
    role = models.CharField(max_length=10, choices=Role.choices)
    weight = models.PositiveSmallIntegerField(
        "weight, basis points", validators=[MinValueValidator(1), MaxValueValidator(10_000)]
    )
    position = models.PositiveSmallIntegerField(default=0)

    class Meta:
        ordering = ["position", "key"]
        constraints = [models.UniqueConstraint(fields=["experiment", "key"], name="variant_key")]

    def __str__(self) -> str:
        return self.name
