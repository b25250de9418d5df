"""Trained predictors with their report cards."""

from django.db import models


class PredictionVersion(models.Model):
    """One training of one kind of score. A running one holds a lease; whoever loses it writes nothing any more."""

    class Status(models.TextChoices):
        TRAINING = "training", "Training"
        CHAMPION = "champion", "In use"
        RETIRED = "retired", "Was in use"
        REJECTED = "rejected", "Not good enough"
        WAITING = "waiting", "Not enough data"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Failed"

    kind = models.CharField(max_length=50)
    number = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.TRAINING)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    data_until = models.DateTimeField()
    family = models.CharField(max_length=20, blank=True)
    metrics = models.JSONField(default=dict)
    verdict = models.TextField(blank=True)
    artefact_path = models.CharField(max_length=500, blank=True)
    artefact_sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        app_label = "recommendations"
        ordering = ["-started_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "number"], name="prediction_version_number"),
            models.UniqueConstraint(
                fields=["kind"], condition=models.Q(status="champion"), name="one_prediction_champion"
            ),
            models.UniqueConstraint(
                fields=["status"], condition=models.Q(status="training"), name="one_prediction_training"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}-{self.number}"
