"""What other currencies are worth."""

from decimal import Decimal

from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models

HIGHEST_RATE = Decimal(10_000)
LOWEST_RATE = Decimal("0.0000000001")


class ExchangeRate(models.Model):
    """What one unit of a currency was worth in the reporting currency, from that day (UTC) on until the next rate."""

    day = models.DateField()
    currency = models.CharField(
        max_length=3,
        validators=[RegexValidator(r"^[A-Z]{3}$", "Three capital letters, such as USD.")],
        help_text="ISO 4217, such as USD",
    )
    rate = models.DecimalField(
        max_digits=15,
        decimal_places=10,
        validators=[MinValueValidator(LOWEST_RATE), MaxValueValidator(HIGHEST_RATE)],
        help_text="What one unit of it was worth in the reporting currency",
    )
    is_summed = models.BooleanField(
        default=True,
        db_default=True,
        editable=False,
        help_text="Off until the sums that go by it were made anew: then its import broke off before",
    )

    class Meta:
        ordering = ["-day", "currency"]
        constraints = [
            models.UniqueConstraint(fields=["currency", "day"], name="exchange_rate_once_a_day"),
            models.CheckConstraint(
                condition=models.Q(rate__gt=0, rate__lte=HIGHEST_RATE), name="exchange_rate_is_sane"
            ),
        ]

    def __str__(self) -> str:
        return f"1 {self.currency} = {self.rate.normalize():f} on {self.day:%Y-%m-%d}"
