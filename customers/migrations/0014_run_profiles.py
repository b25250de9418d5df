from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0013_orders_told_by"),
    ]

    operations = [
        migrations.AddField(
            model_name="syncrun",
            name="columns",
            field=models.JSONField(
                db_default={},
                default=dict,
                help_text="For each column: its type, its empty cells, its checksum",
            ),
        ),
        migrations.AddField(
            model_name="syncrun",
            name="findings",
            field=models.JSONField(
                db_default=[], default=list, help_text="What was expected of the rows and did not hold"
            ),
        ),
        migrations.AddField(
            model_name="syncrun",
            name="first_key",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="syncrun",
            name="last_key",
            field=models.CharField(blank=True, db_default="", default="", max_length=200),
        ),
        migrations.AddField(
            model_name="syncrun",
            name="quarantined",
            field=models.BigIntegerField(
                db_default=0, default=0, help_text="Refused rows of this run that can be mended and retried"
            ),
        ),
        migrations.AddField(
            model_name="syncrun",
            name="watermark",
            field=models.DateTimeField(blank=True, help_text="The newest time that a row told", null=True),
        ),
    ]
