"""A whole audience written before the launch: how far that is, and what was found."""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from campaigns.models.campaign import Campaign


class PreflightRun(models.Model):
    """One writing of a campaign's audience. The row is the queue: `cursor` is the last customer who is counted in it.

    `seal` says what was judged (see `campaigns.seals`). Times of the lease are the database's.
    """

    class State(models.TextChoices):
        RUNNING = "running", "Under way"
        DONE = "done", "Done"
        CANCELLED = "cancelled", "Cancelled"
        FAILED = "failed", "Broke off"

    campaign = models.ForeignKey(Campaign, models.CASCADE, related_name="preflights")
    state = models.CharField(max_length=10, choices=State.choices, default=State.RUNNING)
    seal = models.CharField(max_length=64)
    total = models.PositiveIntegerField(
        null=True, help_text="How many are to be written; empty: not counted yet"
    )
    done = models.PositiveIntegerField(default=0)
    cursor = models.BigIntegerField(default=0)
    fence = models.PositiveIntegerField(default=0)
    lease_until = models.DateTimeField(null=True)
    error = models.CharField(max_length=300, blank=True)
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True, related_name="+")
    created_at = models.DateTimeField(db_default=Now())
    finished_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["campaign"], condition=Q(state="running"), name="one_preflight_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"Preflight of {self.campaign}"


class PreflightFinding(models.Model):
    """One thing that was found, and how often. `about` names it further: a variable, a slot, a pool."""

    class Kind(models.TextChoices):
        CANNOT_BE_WRITTEN = "cannot_be_written", "The mail cannot be written"
        NO_SUBJECT = "no_subject", "The subject is empty"
        NO_WORDS = "no_words", "The mail says nothing"
        NO_UNSUBSCRIBE = "no_unsubscribe", "There is no unsubscribe link"
        UNSAFE_LINK = "unsafe_link", "A link made of data leads nowhere"
        TOO_FEW_COUPONS = "too_few_coupons", "There are not enough coupon codes"
        BLANK_VALUE = "blank_value", "A value is missing and leaves a gap"
        TOO_BIG = "too_big", "Gmail will cut the mail off (above 102 KB)"
        BROKEN_BLOCK = "broken_block", "A block is missing or faulty"
        FAILED_SOURCE = "failed_source", "Something the mail asks did not answer"
        NO_PRODUCTS = "no_products", "There is no product to recommend; the fallback is shown"
        EMPTY_SLOT = "empty_slot", "No rule fills the slot; its fallback is shown"
        FALLBACK_VALUE = "fallback_value", "A value is missing; the template’s own default is shown"
        SUPPRESSED = "suppressed", "A rule keeps the mail from them"
        COUPONS = "coupons", "Coupon codes that will be given"
        AT_OPENING = "at_opening", "Products are chosen when the mail is opened"
        NOT_AT_OPENING = "not_at_opening", "Openings may not be noted: products stay as chosen at sending"

    BLOCKING = (
        Kind.CANNOT_BE_WRITTEN,
        Kind.NO_SUBJECT,
        Kind.NO_WORDS,
        Kind.NO_UNSUBSCRIBE,
        Kind.UNSAFE_LINK,
        Kind.TOO_FEW_COUPONS,
    )
    TELLING = (
        Kind.FALLBACK_VALUE,
        Kind.EMPTY_SLOT,
        Kind.SUPPRESSED,
        Kind.COUPONS,
        Kind.AT_OPENING,
        Kind.NOT_AT_OPENING,
    )

    run = models.ForeignKey(PreflightRun, models.CASCADE, related_name="findings")
    kind = models.CharField(max_length=20, choices=Kind.choices)
    about = models.CharField(max_length=100, blank=True)
    count = models.PositiveIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["run", "kind", "about"], name="preflight_finding_once")
        ]

    def __str__(self) -> str:
        return f"{self.count} × {self.get_kind_display()}"

    @property
    def is_blocking(self) -> bool:
        """Whether the campaign is not launched like this."""
        return self.kind in self.BLOCKING

    @property
    def tone(self) -> str:
        """How its badge is coloured."""
        return "danger" if self.is_blocking else "neutral" if self.kind in self.TELLING else "warning"


class PreflightExample(models.Model):
    """Somebody of whom a finding is true, to look at; the first three are kept. `said` is what rendering said."""

    finding = models.ForeignKey(PreflightFinding, models.CASCADE, related_name="examples")
    customer = models.ForeignKey("customers.Customer", models.CASCADE, related_name="+")
    variant_key = models.CharField(max_length=50)
    said = models.CharField(max_length=200, blank=True)

    on_merge = "leave"

    class Meta:
        ordering = ["pk"]
        constraints = [models.UniqueConstraint(fields=["finding", "customer"], name="preflight_example_once")]

    def __str__(self) -> str:
        return f"{self.finding}: {self.customer_id}"
