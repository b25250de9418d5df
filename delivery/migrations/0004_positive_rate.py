import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("delivery", "0003_raise_rates_of_zero")]

    operations = [
        migrations.AlterField(
            model_name="sender",
            name="rate_per_second",
            field=models.PositiveIntegerField(
                default=500,
                help_text="Messages a second, at most",
                validators=[django.core.validators.MinValueValidator(1)],
            ),
        ),
        migrations.AddConstraint(
            model_name="sender",
            constraint=models.CheckConstraint(
                condition=models.Q(("rate_per_second__gte", 1)),
                name="sender_rate_positive",
            ),
        ),
    ]
