"""Rule sets: what to show to whom, as one working draft, stored test cases and immutable versions."""

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import F, Q

from accounts.models import User


class RuleSet(models.Model):
    """The rules that decide one slot of a mail or a page; once published, always that one (trigger, migration 0008)."""

    key = models.SlugField(max_length=100, unique=True)
    name = models.CharField(max_length=200)
    slot = models.SlugField(
        max_length=50,
        unique=True,
        help_text="What is decided: a slot of templates such as hero, products where there are any, or subject.",
        error_messages={"unique": "Another rule set decides this slot already."},
    )
    needs_approval = models.BooleanField(
        "a second person approves",
        default=False,
        help_text="What one wrote, another approves before it is published.",
    )
    live_version = models.ForeignKey(
        "rules.RuleSetVersion", models.PROTECT, null=True, blank=True, related_name="+", editable=False
    )
    revision = models.PositiveIntegerField(
        default=0, editable=False, help_text="Counts saves and publications: whoever comes late is told."
    )

    class Meta:
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    def clean(self) -> None:
        """Refuse another slot for what was ever published."""
        moved = self.pk and RuleSet.objects.filter(pk=self.pk).exclude(slot=self.slot).exists()
        if moved and self.versions.exists():
            reason = "These rules were published and keep their slot; make a new rule set for another one."
            raise ValidationError({"slot": reason})


class RuleSetVersion(models.Model):
    """One published wording of a rule set. The database refuses to change a stored one (migration 0002)."""

    rule_set = models.ForeignKey(RuleSet, models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    document = models.JSONField()
    checksum = models.CharField(max_length=64, editable=False)
    note = models.CharField(max_length=300, blank=True)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True)
    approver = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, blank=True, related_name="+"
    )
    override = models.CharField(
        max_length=300, blank=True, help_text="Why it was published although test cases fail."
    )
    base = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["rule_set", "number"], name="rule_version_number"),
            models.CheckConstraint(
                condition=Q(approver=None) | Q(author=None) | ~Q(approver=F("author")),
                name="rule_version_two_people",
                violation_error_message="Nobody approves what they wrote themselves.",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.rule_set} v{self.number}"


class RuleDraft(models.Model):
    """The one wording that is being worked on. An edit takes approval and schedule away (trigger, migration 0006)."""

    rule_set = models.OneToOneField(RuleSet, models.CASCADE, related_name="draft")
    document = models.JSONField()
    note = models.CharField(max_length=300, blank=True)
    author = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="Who wrote these words; empty for a command.",
    )
    writer_ids = ArrayField(
        models.BigIntegerField(),
        default=list,
        db_default=[],
        help_text="Every colleague whose words are or were in it; none of them approves it.",
    )
    base = models.ForeignKey(
        RuleSetVersion,
        models.PROTECT,
        null=True,
        related_name="+",
        help_text="What was live when it was last saved.",
    )
    updated_at = models.DateTimeField(auto_now=True)
    approver = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")
    approved_at = models.DateTimeField(null=True)
    publish_at = models.DateTimeField(null=True)
    scheduled_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(approver=None) | Q(author=None) | ~Q(approver=F("author")),
                name="rule_draft_two_people",
                violation_error_message="Nobody approves what they wrote themselves.",
            ),
            models.CheckConstraint(
                condition=Q(approver=None) | ~Q(writer_ids__contains=[F("approver")]),
                name="rule_draft_writers",
                violation_error_message="Nobody approves what they wrote on themselves.",
            ),
            models.CheckConstraint(
                condition=Q(approver=None, approved_at=None)
                | Q(approver__isnull=False, approved_at__isnull=False),
                name="rule_draft_approved_at",
            ),
        ]
        indexes = [
            models.Index(fields=["publish_at"], condition=Q(publish_at__isnull=False), name="rule_draft_due")
        ]

    def __str__(self) -> str:
        return f"Draft of {self.rule_set}"

    def may_be_approved_by(self, user: User) -> bool:
        """Whether the colleague is a second person: it is known who wrote the draft, and they never did."""
        return self.author_id is not None and user.pk not in (self.author_id, *self.writer_ids)


class RuleTest(models.Model):
    """A stored case: an imaginary customer, and what the rules must decide for him (see `rules.cases`)."""

    rule_set = models.ForeignKey(RuleSet, models.CASCADE, related_name="tests")
    name = models.CharField(max_length=100)
    customer = models.JSONField(blank=True)
    expected = models.JSONField()

    class Meta:
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["rule_set", "name"], name="rule_test_name")]

    def __str__(self) -> str:
        return self.name
