import django.core.validators
import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    """What stops and slows sending, and who sends."""

    dependencies = [
        ("delivery", "0014_letters_and_checks"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Breaker",
            fields=[
                (
                    "sender",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        serialize=False,
                        to="delivery.sender",
                    ),
                ),
                ("refusals", models.PositiveSmallIntegerField(default=0, help_text="In a row")),
                ("reason", models.CharField(blank=True, max_length=200)),
                ("since", models.DateTimeField()),
                ("retry_at", models.DateTimeField()),
                (
                    "probed_until",
                    models.DateTimeField(blank=True, help_text="While one worker tries", null=True),
                ),
            ],
        ),
        migrations.CreateModel(
            name="Bucket",
            fields=[
                ("name", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("tokens", models.FloatField()),
                ("moment", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="DomainPace",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("domain", models.CharField(max_length=253, unique=True)),
                (
                    "rate_per_second",
                    models.PositiveIntegerField(
                        blank=True,
                        help_text="Messages a second, at most; empty: the sender's rate alone",
                        null=True,
                        validators=[django.core.validators.MinValueValidator(1)],
                    ),
                ),
                ("resting_until", models.DateTimeField(blank=True, null=True)),
                (
                    "reason",
                    models.CharField(blank=True, db_default="", help_text="Why it rests", max_length=200),
                ),
                ("refusals", models.PositiveSmallIntegerField(db_default=0, default=0, help_text="In a row")),
                (
                    "next_slot",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        editable=False,
                        help_text="When the next mail that had to wait is due",
                    ),
                ),
            ],
            options={
                "verbose_name": "pace of a domain",
                "verbose_name_plural": "paces of domains",
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("rate_per_second", None), ("rate_per_second__gte", 1), _connector="OR"
                        ),
                        name="domain_rate_positive",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="SendWorker",
            fields=[
                ("name", models.CharField(max_length=100, primary_key=True, serialize=False)),
                ("waits_for", models.CharField(blank=True, db_default="", max_length=200)),
                ("settled", models.PositiveBigIntegerField(db_default=0, default=0)),
                ("started_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("seen_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "dispatch",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.SET_NULL,
                        related_name="+",
                        to="delivery.dispatch",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="KillSwitch",
            fields=[
                ("id", models.PositiveSmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("is_on", models.BooleanField(db_default=False, default=False)),
                ("reason", models.CharField(blank=True, db_default="", max_length=200)),
                ("changed_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "changed_by",
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
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="kill_switch_is_one")
                ],
            },
        ),
    ]
