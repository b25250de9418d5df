import django.db.models.deletion
import django.db.models.functions.datetime
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("customers", "0035_indexes_for_who_fits"),
        ("delivery", "0013_sender_ways_out"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="Letter",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "kind",
                    models.CharField(
                        choices=[("opt_in", "Please confirm"), ("test", "A test of the sender")],
                        max_length=10,
                    ),
                ),
                (
                    "state",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("sending", "Being sent"),
                            ("sent", "Sent"),
                            ("failed", "Failed"),
                            ("unknown", "Unknown"),
                        ],
                        db_default="waiting",
                        default="waiting",
                        max_length=10,
                    ),
                ),
                (
                    "reason",
                    models.CharField(
                        blank=True, db_default="", help_text="What the provider said", max_length=200
                    ),
                ),
                ("attempts", models.PositiveSmallIntegerField(db_default=0, default=0)),
                ("asked_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "due_at",
                    models.DateTimeField(
                        db_default=django.db.models.functions.datetime.Now(),
                        help_text="When it is sent; while it is being sent, when that is given up",
                    ),
                ),
                ("ended_at", models.DateTimeField(blank=True, null=True)),
            ],
        ),
        migrations.CreateModel(
            name="SenderCheck",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("asked_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("begun_at", models.DateTimeField(blank=True, null=True)),
                ("finished_at", models.DateTimeField(blank=True, null=True)),
                (
                    "findings",
                    models.JSONField(default=list, help_text="What was found: topic, tone and sentence"),
                ),
            ],
        ),
        migrations.AddField(
            model_name="letter",
            name="opt_in",
            field=models.OneToOneField(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to="customers.optin",
            ),
        ),
        migrations.AddField(
            model_name="letter",
            name="sender",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="letters", to="delivery.sender"
            ),
        ),
        migrations.AddField(
            model_name="letter",
            name="user",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="+",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.AddField(
            model_name="sendercheck",
            name="sender",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.CASCADE, related_name="checks", to="delivery.sender"
            ),
        ),
        migrations.AddIndex(
            model_name="letter",
            index=models.Index(
                condition=models.Q(("state__in", ["waiting", "sending"])),
                fields=["due_at"],
                name="letter_due",
            ),
        ),
        migrations.AddIndex(
            model_name="letter",
            index=models.Index(fields=["sender", "-id"], name="letter_newest"),
        ),
        migrations.AddConstraint(
            model_name="letter",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("kind", "opt_in"), ("opt_in__isnull", False), ("user", None)),
                    models.Q(("kind", "test"), ("opt_in", None), ("user__isnull", False)),
                    _connector="OR",
                ),
                name="letter_has_its_reader",
            ),
        ),
        migrations.AddIndex(
            model_name="sendercheck",
            index=models.Index(fields=["sender", "-finished_at"], name="sender_check_newest"),
        ),
        migrations.AddConstraint(
            model_name="sendercheck",
            constraint=models.UniqueConstraint(
                condition=models.Q(("finished_at", None)), fields=("sender",), name="sender_check_one_waits"
            ),
        ),
    ]
