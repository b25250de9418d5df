import django.contrib.postgres.fields
import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    """Daily limits that grow, and counts of what became of mails lately."""

    dependencies = [("delivery", "0019_drop_doubled_indexes")]

    operations = [
        migrations.CreateModel(
            name="WarmUp",
            fields=[
                (
                    "sender",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="warm_up",
                        serialize=False,
                        to="delivery.sender",
                    ),
                ),
                (
                    "daily_limits",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.PositiveIntegerField(
                            validators=[django.core.validators.MinValueValidator(1)]
                        ),
                        size=None,
                    ),
                ),
                ("step", models.PositiveSmallIntegerField(db_default=0, default=0)),
                ("day", models.DateField(blank=True, null=True)),
                ("used", models.PositiveIntegerField(db_default=0, default=0)),
                ("begun_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("daily_limits__len__gte", 1)), name="warm_up_has_days"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SendTally",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("began_at", models.DateTimeField()),
                ("sent", models.PositiveIntegerField(default=0)),
                ("failed", models.PositiveIntegerField(default=0)),
                ("unknown", models.PositiveIntegerField(default=0)),
                (
                    "sender",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="tallies",
                        to="delivery.sender",
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "send tallies",
                "constraints": [
                    models.UniqueConstraint(fields=("sender", "began_at"), name="send_tally_once")
                ],
            },
        ),
    ]
