"""Lists of people on their way in. The row is the queue: its state says what is to be done next."""

from django.conf import settings
from django.db import models

from customers.models.sync import SyncRun


class PeopleImport(models.Model):
    """One file: uploaded, mapped, tried without a trace, imported. `done` of `total` rows tell how far it is."""

    class Kind(models.TextChoices):
        PEOPLE = "people", "Customers"
        SUPPRESSION = "suppression", "Addresses that must not be written to"

    class State(models.TextChoices):
        DRAFT = "draft", "Columns to be confirmed"
        CHECKING = "checking", "Being checked"
        CHECKED = "checked", "Checked, not imported yet"
        IMPORTING = "importing", "Being imported"
        DONE = "done", "Imported"
        FAILED = "failed", "Failed"
        DISCARDED = "discarded", "Discarded"

    kind = models.CharField(max_length=20, choices=Kind.choices, default=Kind.PEOPLE)
    state = models.CharField(max_length=20, choices=State.choices, default=State.DRAFT)
    name = models.CharField(max_length=200, help_text="The file's name, as it was brought")
    path = models.CharField(max_length=500)
    file = models.JSONField(default=dict, help_text="What was found out about the file")
    mapping = models.JSONField(default=dict)
    report = models.JSONField(default=dict, help_text="What the check found")
    done = models.BigIntegerField(default=0)
    total = models.BigIntegerField(default=0)
    run = models.OneToOneField(SyncRun, models.SET_NULL, null=True, blank=True, related_name="people_import")
    error = models.TextField(blank=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["state"],
                condition=models.Q(state__in=["checking", "importing"]),
                name="people_import_waiting",
            )
        ]

    def __str__(self) -> str:
        return self.name
