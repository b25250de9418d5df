"""Holdouts can be drawn by themselves, with a salt of their own."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0004_plan_and_decision"),
    ]

    operations = [
        migrations.AddField(
            model_name="variant",
            name="salt",
            field=models.CharField(
                blank=True,
                help_text="A holdout is drawn by itself with its own salt, before the other arms; empty: with the experiment's",
                max_length=120,
            ),
        ),
    ]
