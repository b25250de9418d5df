"""The looks at a running experiment, planned at its start."""

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("experiments", "0005_salts_of_holdouts"),
    ]

    operations = [
        migrations.CreateModel(
            name="Look",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("number", models.PositiveSmallIntegerField()),
                ("is_final", models.BooleanField()),
                ("due_at", models.DateTimeField()),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("planned", "Planned"),
                            ("taken", "Taken"),
                            ("missed", "Missed"),
                            ("spared", "Not needed any more"),
                        ],
                        default="planned",
                        max_length=10,
                    ),
                ),
                ("taken_at", models.DateTimeField(null=True)),
                ("fraction", models.FloatField(null=True)),
                ("critical", models.FloatField(null=True)),
                ("nominal_alpha", models.FloatField(null=True)),
                ("counted", models.JSONField(default=dict)),
                ("status", models.CharField(blank=True, max_length=20)),
                ("sentence", models.TextField(blank=True)),
                ("is_deciding", models.BooleanField(default=False)),
                (
                    "experiment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="planned_looks",
                        to="experiments.experiment",
                    ),
                ),
            ],
            options={
                "ordering": ["experiment", "number"],
                "indexes": [
                    models.Index(condition=models.Q(("state", "planned")), fields=["due_at"], name="look_due")
                ],
                "constraints": [
                    models.UniqueConstraint(fields=("experiment", "number"), name="look_number"),
                    models.UniqueConstraint(
                        condition=models.Q(("is_deciding", True)),
                        fields=("experiment",),
                        name="look_decides_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("state", "taken"), ("taken_at__isnull", False)),
                            models.Q(models.Q(("state", "taken"), _negated=True), ("taken_at", None)),
                            _connector="OR",
                        ),
                        name="look_taken_at",
                    ),
                ],
            },
        ),
    ]
