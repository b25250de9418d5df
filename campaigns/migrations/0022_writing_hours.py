import django.contrib.postgres.fields
import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0021_open_time"),
        ("delivery", "0018_held_messages"),
    ]

    operations = [
        migrations.CreateModel(
            name="WritingHour",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("hour", models.DateTimeField()),
                ("written", models.PositiveIntegerField(default=0)),
                ("fell_back", models.PositiveIntegerField(default=0)),
                ("failed", models.PositiveIntegerField(default=0)),
                (
                    "by_time",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveIntegerField(), default=list, size=None
                    ),
                ),
                ("openings", models.PositiveIntegerField(default=0)),
                ("openings_stored", models.PositiveIntegerField(default=0)),
                (
                    "dispatch",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="writing_hours",
                        to="delivery.dispatch",
                    ),
                ),
            ],
            options={
                "ordering": ["hour"],
                "indexes": [models.Index(fields=["hour"], name="writing_hour")],
                "constraints": [
                    models.UniqueConstraint(fields=("dispatch", "hour"), name="writing_hour_once")
                ],
            },
        ),
    ]
