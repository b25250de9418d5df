from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("delivery", "0016_first_paces")]

    operations = [
        migrations.AddField(
            model_name="messageevent",
            name="bounce",
            field=models.CharField(
                blank=True,
                choices=[
                    ("hard", "For good: the address does not exist"),
                    ("soft", "For now: full, away or busy"),
                    ("policy", "By policy: the server does not want our mail"),
                    ("other", "For another reason"),
                ],
                db_default="",
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
                    ("deferred", "Delayed by the recipient's server"),
                    ("bounced", "Bounced"),
                    ("rejected", "Refused by the provider"),
                    ("complained", "Marked as spam"),
                    ("unsubscribed", "Unsubscribed"),
                ],
                max_length=20,
            ),
        ),
    ]
