import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("delivery", "0004_positive_rate"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="message",
            name="one_message_each",
        ),
        migrations.AddField(
            model_name="dispatch",
            name="kind",
            field=models.CharField(
                choices=[("campaign", "Campaign"), ("journey", "Journey"), ("test", "Test")],
                db_default="campaign",
                default="campaign",
                max_length=10,
            ),
        ),
        migrations.AddField(
            model_name="dispatch",
            name="priority",
            field=models.SmallIntegerField(db_default=0, default=0, help_text="Higher ones are sent first"),
        ),
        migrations.AddField(
            model_name="dispatch",
            name="rate_per_second",
            field=models.PositiveIntegerField(
                blank=True,
                help_text="Messages a second, at most; empty: the sender's rate alone",
                null=True,
                validators=[django.core.validators.MinValueValidator(1)],
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="occasion",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="Which of several mails of a dispatch to one customer",
                max_length=60,
            ),
        ),
        migrations.AddConstraint(
            model_name="message",
            constraint=models.UniqueConstraint(
                fields=("dispatch", "customer", "occasion"), name="one_message_each"
            ),
        ),
    ]
