"""Sources that are read on a schedule."""

from datetime import timedelta
from typing import Any

from django.core.validators import MinValueValidator
from django.db import models

from customers.quality.sources import declare_source, forget_source


class Source(models.Model):
    """One place that data is fetched from. `cursor` says how far it has been read."""

    class Kind(models.TextChoices):
        FILE_DROP = "file_drop", "Files in the drop folder"
        HTTP_JSON = "http_json", "JSON over HTTP"

    name = models.SlugField(max_length=90, unique=True)
    kind = models.CharField(max_length=20, choices=Kind.choices)
    location = models.CharField(max_length=500, help_text="Address, or file pattern inside the drop folder")
    mapping = models.JSONField(help_text="How rows become events; the same mapping that import_events takes")
    cursor = models.JSONField(default=dict, blank=True)
    is_enabled = models.BooleanField(default=True)
    every_minutes = models.PositiveIntegerField(
        default=15, validators=[MinValueValidator(1)], help_text="How often it is read, if enabled"
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Save, and declare downwards how the source is read and how often."""
        super().save(*args, **kwargs)
        if kwargs.get("update_fields") != ["cursor"]:
            declare_source(
                self.books_name,
                mapping=self.mapping,
                due_every=timedelta(minutes=self.every_minutes),
                is_watched=self.is_enabled,
            )

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        """Delete, and take the declaration back; the books stay."""
        forget_source(self.books_name)
        return super().delete(*args, **kwargs)

    @property
    def books_name(self) -> str:
        """What its runs and its data health go by."""
        return f"source:{self.name}"
