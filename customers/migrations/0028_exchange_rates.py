"""What other currencies are worth, day by day, and how much has no rate."""

from decimal import Decimal

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0027_source_policy_changes_email"),
    ]

    operations = [
        migrations.AddField(
            model_name="healthfigures",
            name="without_rate",
            field=models.JSONField(
                db_default={},
                default=dict,
                help_text="For each currency: orders and refunds without an exchange rate",
            ),
        ),
        migrations.CreateModel(
            name="ExchangeRate",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("day", models.DateField()),
                (
                    "currency",
                    models.CharField(
                        help_text="ISO 4217, such as USD",
                        max_length=3,
                        validators=[
                            django.core.validators.RegexValidator(
                                "^[A-Z]{3}$", "Three capital letters, such as USD."
                            )
                        ],
                    ),
                ),
                (
                    "rate",
                    models.DecimalField(
                        decimal_places=10,
                        help_text="What one unit of it was worth in the reporting currency",
                        max_digits=15,
                        validators=[
                            django.core.validators.MinValueValidator(Decimal("1E-10")),
                            django.core.validators.MaxValueValidator(Decimal("10000")),
                        ],
                    ),
                ),
            ],
            options={
                "ordering": ["-day", "currency"],
                "constraints": [
                    models.UniqueConstraint(fields=("currency", "day"), name="exchange_rate_once_a_day"),
                    models.CheckConstraint(
                        condition=models.Q(("rate__gt", 0), ("rate__lte", Decimal("10000"))),
                        name="exchange_rate_is_sane",
                    ),
                ],
            },
        ),
    ]
