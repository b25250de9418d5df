import datetime

import django.core.validators
import django.db.models.constraints
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0030_touched_what_changed"), ("segments", "0006_references")]
    operations = [
        migrations.CreateModel(
            name="Lifecycle",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                (
                    "as_of",
                    models.DateTimeField(
                        blank=True,
                        help_text="Leave empty for the present; set it for historical data.",
                        null=True,
                        validators=[
                            django.core.validators.MinValueValidator(
                                datetime.datetime(1900, 1, 1, 0, 0, tzinfo=datetime.UTC)
                            ),
                            django.core.validators.MaxValueValidator(
                                datetime.datetime(2200, 1, 1, 0, 0, tzinfo=datetime.UTC)
                            ),
                        ],
                        verbose_name="now is",
                    ),
                ),
                ("refreshed_at", models.DateTimeField(blank=True, editable=False, null=True)),
                ("refresh_ms", models.IntegerField(blank=True, editable=False, null=True)),
            ],
            options={"verbose_name_plural": "lifecycle"},
        ),
        migrations.CreateModel(
            name="LifecycleStage",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("key", models.SlugField(max_length=100, unique=True)),
                ("name", models.CharField(max_length=200)),
                ("description", models.TextField(blank=True)),
                ("position", models.PositiveSmallIntegerField()),
                ("condition", models.JSONField(blank=True, null=True)),
                ("member_count", models.IntegerField(default=0, editable=False)),
                ("updated_at", models.DateTimeField(auto_now=True)),
            ],
            options={
                "ordering": ["position"],
            },
        ),
        migrations.CreateModel(
            name="StageChange",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("from_stage", models.CharField(blank=True, max_length=100)),
                ("to_stage", models.CharField(max_length=100)),
                ("cause", models.CharField(help_text="edit, event, schedule or launch", max_length=20)),
                ("changed_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("claimed_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.AddConstraint(
            model_name="lifecycle",
            constraint=models.CheckConstraint(condition=models.Q(("id", 1)), name="one_lifecycle"),
        ),
        migrations.AddConstraint(
            model_name="lifecyclestage",
            constraint=models.UniqueConstraint(
                deferrable=django.db.models.constraints.Deferrable["DEFERRED"],
                fields=("position",),
                name="stage_position_unique",
            ),
        ),
        migrations.AddConstraint(
            model_name="lifecyclestage",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("condition__isnull", True), ("position", 9999)),
                    models.Q(("condition__isnull", False), ("position__lt", 9999)),
                    _connector="OR",
                ),
                name="the_rest_comes_last",
            ),
        ),
        migrations.AddField(
            model_name="stagechange",
            name="customer",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="stage_changes",
                to="customers.customer",
            ),
        ),
        migrations.AddIndex(
            model_name="stagechange",
            index=models.Index(
                condition=models.Q(("claimed_at__isnull", True)), fields=["id"], name="stage_change_unclaimed"
            ),
        ),
        migrations.AddIndex(
            model_name="stagechange",
            index=models.Index(fields=["changed_at"], name="stage_change_time"),
        ),
    ]
