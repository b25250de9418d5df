"""How the mails of a dispatch were written, counted hour by hour."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class WritingHour(models.Model):
    """What happened while a dispatch's mails were written in one hour (UTC).

    A mail that is written again, for its worker died before it was kept, counts each time. `fell_back`: mails in which
    a stored default took the place of something that failed or was empty. `by_time` counts mails by how long each took
    (see `campaigns.writing_figures.STEPS_MS`). `openings` chose products when mails were opened; `openings_stored` of
    these showed what had been stored.
    """

    dispatch = models.ForeignKey("delivery.Dispatch", models.CASCADE, related_name="writing_hours")
    hour = models.DateTimeField()
    written = models.PositiveIntegerField(default=0)
    fell_back = models.PositiveIntegerField(default=0)
    failed = models.PositiveIntegerField(default=0)
    by_time = ArrayField(models.PositiveIntegerField(), default=list)
    openings = models.PositiveIntegerField(default=0)
    openings_stored = models.PositiveIntegerField(default=0)

    class Meta:
        ordering = ["hour"]
        indexes = [models.Index(fields=["hour"], name="writing_hour")]
        constraints = [models.UniqueConstraint(fields=["dispatch", "hour"], name="writing_hour_once")]

    def __str__(self) -> str:
        return f"{self.dispatch} at {self.hour:%d %b %H:00}"
