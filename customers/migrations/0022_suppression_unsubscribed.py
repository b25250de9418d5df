"""Addresses whose owners said no before they came here get no marketing."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0021_stage")]

    operations = [
        migrations.AlterField(
            model_name="suppression",
            name="reason",
            field=models.CharField(
                choices=[
                    ("hard_bounce", "The address does not exist"),
                    ("complaint", "Marked as spam"),
                    ("manual", "Entered by hand"),
                    ("unsubscribed", "Said no to marketing before they came here"),
                ],
                max_length=20,
            ),
        )
    ]
