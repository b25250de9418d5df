from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("delivery", "0008_gateways"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="settled_by",
            field=models.CharField(
                blank=True,
                choices=[("report", "A report of the provider"), ("asked", "The provider, when asked")],
                db_default="",
                help_text="Who knew what became of it after it was unknown",
                max_length=10,
            ),
        ),
        migrations.AlterField(
            model_name="messageevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("sent", "Sent"),
                    ("delivered", "Delivered"),
                    ("opened", "Opened"),
                    ("clicked", "Clicked"),
                    ("bounced", "Bounced"),
                    ("rejected", "Refused by the provider"),
                    ("complained", "Marked as spam"),
                    ("unsubscribed", "Unsubscribed"),
                ],
                max_length=20,
            ),
        ),
    ]
