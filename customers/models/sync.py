"""The books of every import and synchronisation."""

from django.db import models


class SyncRun(models.Model):
    """One reading of one source.

    `rows_in = inserted + updated + unchanged + duplicates + skipped + sum(rejected)`, or the run has failed.
    """

    class Status(models.TextChoices):
        RUNNING = "running", "Running"
        SUCCEEDED = "succeeded", "Succeeded"
        FAILED = "failed", "Failed"

    source = models.CharField(max_length=100)
    status = models.CharField(max_length=10, choices=Status.choices, default=Status.RUNNING)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    cursor_before = models.JSONField(null=True, blank=True)
    cursor_after = models.JSONField(null=True, blank=True)
    rows_in = models.BigIntegerField(default=0)
    inserted = models.BigIntegerField(default=0)
    updated = models.BigIntegerField(default=0, db_default=0)
    unchanged = models.BigIntegerField(default=0, db_default=0)
    duplicates = models.BigIntegerField(default=0)
    skipped = models.BigIntegerField(default=0, db_default=0)
    rejected = models.JSONField(default=dict, help_text="Rows by reason")
    rejects_path = models.CharField(max_length=500, blank=True)
    error = models.TextField(blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["source"], condition=models.Q(status="running"), name="one_running_sync_per_source"
            )
        ]
        indexes = [models.Index(fields=["source", "-started_at"], name="syncrun_latest")]

    def __str__(self) -> str:
        return f"{self.source}, {self.started_at:%Y-%m-%d %H:%M}"

    @property
    def rejected_count(self) -> int:
        """Rows refused, for whatever reason."""
        return sum(self.rejected.values())

    @property
    def adds_up(self) -> bool:
        """Whether every row read is accounted for."""
        kept = self.inserted + self.updated + self.unchanged
        return self.rows_in == kept + self.duplicates + self.skipped + self.rejected_count
