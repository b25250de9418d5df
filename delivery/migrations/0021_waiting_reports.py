from django.db import migrations, models


class Migration(migrations.Migration):
    """A report whose mail is not known yet waits, and is listed where nobody ever knows it (see 0024)."""

    dependencies = [("delivery", "0020_warm_up")]

    operations = [
        migrations.AddField(
            model_name="webhookreceipt",
            name="state",
            field=models.CharField(
                choices=[
                    ("linked", "Its mail is known"),
                    ("waiting", "Its mail is looked for"),
                    ("unknown", "Nobody knows its mail"),
                ],
                db_default="linked",
                default="linked",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="webhookreceipt",
            name="told",
            field=models.JSONField(
                blank=True, help_text="What it says, while its mail is not known", null=True
            ),
        ),
        migrations.AddField(
            model_name="webhookreceipt",
            name="provider_id",
            field=models.CharField(blank=True, db_default="", max_length=200),
        ),
        migrations.AddField(
            model_name="webhookreceipt",
            name="try_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
    ]
