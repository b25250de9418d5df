"""Rule sets: what to show to whom, in immutable versions."""

from django.conf import settings
from django.db import models


class RuleSet(models.Model):
    """The rules that decide one slot of a mail or a page."""

    key = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    slot = models.SlugField(
        max_length=50,
        unique=True,
        help_text="What is decided: a slot of templates such as hero, products where there are any, or subject.",
        error_messages={"unique": "Another rule set decides this slot already."},
    )
    live_version = models.ForeignKey(
        "rules.RuleSetVersion", models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class RuleSetVersion(models.Model):
    """One wording of a rule set. The database refuses to change a stored one (migration 0002)."""

    rule_set = models.ForeignKey(RuleSet, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    checksum = models.CharField(max_length=64, editable=False)
    note = models.CharField(max_length=300, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True)
    base = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["rule_set", "number"], name="rule_version_number")]

    def __str__(self) -> str:
        return f"{self.rule_set} v{self.number}"
