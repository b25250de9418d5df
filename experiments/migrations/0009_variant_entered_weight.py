"""Weights as they were entered are kept beside those that a remainder leaves of them."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0008_measured_expectation"),
    ]

    operations = [
        migrations.AddField(
            model_name="variant",
            name="entered_weight",
            field=models.PositiveSmallIntegerField(
                blank=True,
                editable=False,
                help_text="The weight before a remainder was taken from it; empty where there is none",
                null=True,
            ),
        ),
    ]
