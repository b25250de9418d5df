"""The books of every import and synchronisation."""

from django.db import models


def in_words(reason: str) -> str:
    """Why a row was refused, for people: a code such as `bad_time`, or the words of a promise as they are."""
    return reason if " " in reason else reason.replace("_", " ")


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
    consents = models.JSONField(
        default=dict, db_default={}, help_text="New answers that the rows gave: granted and withdrawn"
    )
    rejects_path = models.CharField(max_length=500, blank=True)
    quarantined = models.BigIntegerField(
        default=0, db_default=0, help_text="Refused rows of this run that can be mended and retried"
    )
    watermark = models.DateTimeField(null=True, blank=True, help_text="The newest time that a row told")
    first_key = models.CharField(max_length=200, blank=True, db_default="", default="")
    last_key = models.CharField(max_length=200, blank=True, db_default="", default="")
    columns = models.JSONField(
        default=dict, db_default={}, help_text="For each column: its type, its empty cells, its checksum"
    )
    findings = models.JSONField(
        default=list, db_default=[], help_text="What was expected of the rows and did not hold"
    )
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
