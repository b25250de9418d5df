"""Sources that are read on a schedule."""

from django.db import models


class Source(models.Model):
    """One place that data is fetched from. `cursor` says how far it has been read."""

    class Kind(models.TextChoices):
        FILE_DROP = "file_drop", "Files in the drop folder"
        HTTP_JSON = "http_json", "JSON over HTTP"

    name = models.SlugField(max_length=100, unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    location = models.CharField(max_length=500, help_text="Address, or file pattern inside the drop folder")
    mapping = models.JSONField(help_text="How rows become events; the same mapping that import_events takes")
    cursor = models.JSONField(default=dict, blank=True)
    is_enabled = models.BooleanField(default=True)

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
