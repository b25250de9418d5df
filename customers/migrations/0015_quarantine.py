import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("customers", "0014_run_profiles"),
    ]

    operations = [
        migrations.CreateModel(
            name="DataSource",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("name", models.CharField(max_length=120, unique=True)),
                ("mapping", models.JSONField(blank=True, default=dict)),
                (
                    "due_every",
                    models.DurationField(
                        blank=True, help_text="Empty: read when somebody asks for it", null=True
                    ),
                ),
                (
                    "is_watched",
                    models.BooleanField(default=True, help_text="Off: never late, and raises no alert"),
                ),
            ],
            options={
                "ordering": ["name"],
            },
        ),
        migrations.CreateModel(
            name="QuarantinedRow",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("source", models.CharField(max_length=120)),
                (
                    "number",
                    models.BigIntegerField(
                        help_text="The row's number in its file; the first after the header is 1"
                    ),
                ),
                ("reason", models.CharField(max_length=200)),
                (
                    "raw",
                    models.JSONField(
                        help_text="Pairs of column and cell; empty where the row could not be read"
                    ),
                ),
                ("occurrence", models.CharField(blank=True, max_length=20)),
                ("fingerprint", models.BinaryField(max_length=16)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("mended", "Mended"), ("dismissed", "Dismissed")],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("created_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("settled_at", models.DateTimeField(blank=True, null=True)),
                (
                    "run",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="quarantine",
                        to="customers.syncrun",
                    ),
                ),
                (
                    "settled_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("state", "waiting")),
                        fields=["source", "reason", "id"],
                        name="quarantine_waiting",
                    )
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("source", "fingerprint"), name="quarantined_row_once")
                ],
            },
        ),
    ]
