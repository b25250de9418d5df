from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("delivery", "0006_queue_of_dispatch"),
    ]

    operations = [
        migrations.AddField(
            model_name="message",
            name="deaths",
            field=models.PositiveSmallIntegerField(
                db_default=0, default=0, help_text="How many workers died while they had it"
            ),
        ),
        migrations.AlterField(
            model_name="message",
            name="attempts",
            field=models.PositiveSmallIntegerField(
                db_default=0, default=0, help_text="How often sending it was begun and not called off"
            ),
        ),
        migrations.AddField(
            model_name="message",
            name="handed_over_at",
            field=models.DateTimeField(
                blank=True, help_text="When it was first about to be handed over as it is", null=True
            ),
        ),
    ]
