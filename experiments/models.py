"""Experiments: who gets what by chance, and which question that answers."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models

LEAST_ALPHA, MOST_ALPHA = 0.001, 0.2


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
    alpha = models.FloatField(
        default=0.05,
        validators=[MinValueValidator(LEAST_ALPHA), MaxValueValidator(MOST_ALPHA)],
        help_text="The chance of naming a winner where there is none: 0.05 unless you know why not.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    started_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        ordering = ["-created_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(alpha__gte=LEAST_ALPHA, alpha__lte=MOST_ALPHA), name="experiment_alpha"
            ),
            models.CheckConstraint(
                condition=models.Q(conversion_window_days__gte=1), name="experiment_window_days"
            ),
        ]

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
