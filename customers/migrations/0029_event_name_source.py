"""Which source first sent an event under a name."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0028_exchange_rates"),
    ]

    operations = [
        migrations.AddField(
            model_name="eventname",
            name="source",
            field=models.CharField(
                blank=True,
                db_default="",
                default="",
                editable=False,
                max_length=50,
                verbose_name="first sent by",
            ),
        ),
    ]
