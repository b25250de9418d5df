"""The database refuses an error rate or a window that statistics cannot work with."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("experiments", "0002_bring_plans_into_bounds")]

    operations = [
        migrations.AlterField(
            model_name="experiment",
            name="alpha",
            field=models.FloatField(
                default=0.05,
                help_text="The chance of naming a winner where there is none: 0.05 unless you know why not.",
                validators=[
                    django.core.validators.MinValueValidator(0.001),
                    django.core.validators.MaxValueValidator(0.2),
                ],
            ),
        ),
        migrations.AddConstraint(
            model_name="experiment",
            constraint=models.CheckConstraint(
                condition=models.Q(("alpha__gte", 0.001), ("alpha__lte", 0.2)), name="experiment_alpha"
            ),
        ),
        migrations.AddConstraint(
            model_name="experiment",
            constraint=models.CheckConstraint(
                condition=models.Q(("conversion_window_days__gte", 1)), name="experiment_window_days"
            ),
        ),
    ]
