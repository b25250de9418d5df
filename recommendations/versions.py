"""What every trained model's version has, whatever it predicts: its place in training, its judgement, its file."""

from typing import ClassVar

from django.db import models
from django.db.models.functions import Now

from common import clock


class Status(models.TextChoices):
    """What became of a training."""

    TRAINING = "training", "Training"
    CHAMPION = "champion", "In use"
    RETIRED = "retired", "Was in use"
    REJECTED = "rejected", "Not good enough"
    WAITING = "waiting", "Not enough data"
    CANCELLED = "cancelled", "Cancelled"
    FAILED = "failed", "Failed"


class TrainedVersion(models.Model):
    """One training. A running one holds a lease; whoever loses it writes nothing any more (`recommendations.leases`).

    `subject` names the field by whose values versions are numbered, `rivals` those of which one is in use. `asked_as`
    is the id of the task that asked for it: a task that is delivered twice trains once.
    """

    Status = Status
    subject: ClassVar[str]
    rivals: ClassVar[tuple[str, ...]] = ()

    number = models.PositiveIntegerField()
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.TRAINING)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    asked_as = models.CharField(max_length=100, blank=True)
    metrics = models.JSONField(default=dict)
    verdict = models.TextField(blank=True, help_text="Why it is in use or is not.")
    artefact_path = models.CharField(max_length=500, blank=True)
    artefact_sha256 = models.CharField(max_length=64, blank=True)

    class Meta:
        abstract = True

    @property
    def has_died(self) -> bool:
        """Whether it says that it is in training though its lease ran out; the next training notes it as failed."""
        is_late = self.lease_until is not None and self.lease_until < clock.now()
        return self.status == Status.TRAINING and is_late

    @classmethod
    def in_training(cls) -> models.Q:
        """The training under way; not one whose worker has died."""
        return models.Q(status=Status.TRAINING) & ~models.Q(lease_until__lt=Now())

    def of_its_rivals(self) -> models.Q:
        """The versions of which only one can be in use."""
        return models.Q(**{name: getattr(self, name) for name in self.rivals})
