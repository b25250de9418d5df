"""Trained predictors with their report cards."""

from django.db import models

from recommendations.versions import TrainedVersion


class PredictionVersion(TrainedVersion):
    """One training of one kind of score."""

    subject = "kind"
    rivals = ("kind",)

    kind = models.CharField(max_length=50)
    data_until = models.DateTimeField()
    family = models.CharField(max_length=20, blank=True)

    class Meta:
        app_label = "recommendations"
        ordering = ["-started_at", "-pk"]
        constraints = [
            models.UniqueConstraint(fields=["kind", "number"], name="prediction_version_number"),
            models.UniqueConstraint(
                fields=["kind", "asked_as"],
                condition=~models.Q(asked_as=""),
                name="prediction_version_asked_once",
            ),
            models.UniqueConstraint(
                fields=["kind"], condition=models.Q(status="champion"), name="one_prediction_champion"
            ),
            models.UniqueConstraint(
                fields=["status"], condition=models.Q(status="training"), name="one_prediction_training"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind}-{self.number}"
