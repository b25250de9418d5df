"""What colleagues decide about reports: attribution, costs, and the digest's clock."""

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from timezone_field import TimeZoneField

LONGEST_DAYS = 90
_DAYS = [MinValueValidator(1), MaxValueValidator(LONGEST_DAYS)]


class ReportSettings(models.Model):
    """The one row of what holds for all reports."""

    class Rule(models.TextChoices):
        LAST_CLICK = "last_click", "The last mail that a person clicked"
        LAST_TOUCH = "last_touch", "The last mail that a person clicked or opened"
        LINEAR = "linear", "All mails that a person clicked, in equal shares a click"

    ONLY = 1

    id = models.PositiveSmallIntegerField(primary_key=True, default=ONLY)
    rule = models.CharField(
        "which mail gets an order", max_length=10, choices=Rule.choices, default=Rule.LAST_CLICK
    )
    click_window_days = models.PositiveSmallIntegerField(
        "days between click and order, at most", default=7, validators=_DAYS
    )
    open_window_days = models.PositiveSmallIntegerField(
        "days between opening and order, at most",
        default=1,
        validators=_DAYS,
        help_text="Counts only where openings do",
    )
    thousand_mails_minor = models.PositiveIntegerField(
        "cost of 1,000 mails", default=0, help_text="What the provider takes, in the smallest coin"
    )
    margin_percent = models.PositiveSmallIntegerField(
        "margin, per cent",
        default=100,
        validators=[MinValueValidator(1), MaxValueValidator(100)],
        help_text="What is left of 100 of revenue after the goods are paid; 100: count revenue itself",
    )
    timezone = TimeZoneField(
        "time zone",
        default="UTC",
        use_pytz=False,
        help_text="The digest comes on Monday at 8 in this zone, about the week that ended there",
    )
    attribution_version = models.PositiveIntegerField(
        default=1, editable=False, help_text="Grows with each change of the rule or a window"
    )
    attributed_version = models.PositiveIntegerField(
        default=0, editable=False, help_text="The one by which the stored orders were attributed; 0: none yet"
    )
    refreshed_at = models.DateTimeField(
        null=True, blank=True, editable=False, help_text="Everything that had changed by then is counted"
    )

    class Meta:
        verbose_name_plural = "report settings"
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="report_settings_are_one"),
            models.CheckConstraint(
                condition=models.Q(click_window_days__range=(1, LONGEST_DAYS))
                & models.Q(open_window_days__range=(1, LONGEST_DAYS)),
                name="report_windows_in_bounds",
            ),
            models.CheckConstraint(
                condition=models.Q(margin_percent__range=(1, 100)), name="report_margin_in_bounds"
            ),
        ]

    def __str__(self) -> str:
        return "Settings of reports"

    @classmethod
    def current(cls) -> "ReportSettings":
        """Return the stored row, or the defaults where nobody changed or counted anything yet."""
        return cls.objects.first() or cls()

    @property
    def is_attributed(self) -> bool:
        """Whether the stored orders go by the present rule and windows."""
        return self.attributed_version == self.attribution_version


class CampaignCost(models.Model):
    """What one campaign cost beside its mails; in minor units of the reporting currency."""

    campaign = models.OneToOneField(
        "campaigns.Campaign", models.CASCADE, primary_key=True, related_name="cost"
    )
    thousand_mails_minor = models.PositiveIntegerField(
        "cost of 1,000 mails", null=True, blank=True, help_text="Empty: that of all campaigns"
    )
    fixed_minor = models.PositiveBigIntegerField(
        "fixed costs", default=0, help_text="Pictures, texts, an agency"
    )
    order_discount_minor = models.PositiveIntegerField(
        "discount an order", default=0, help_text="What each order after this mail got off, on average"
    )

    def __str__(self) -> str:
        return f"Costs of {self.campaign_id}"
