import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("campaigns", "0020_seal_journey_secrets"),
        ("delivery", "0018_held_messages"),
    ]

    operations = [
        migrations.CreateModel(
            name="Opening",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "decided_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), db_index=True),
                ),
                ("shelves", models.JSONField()),
                (
                    "failure",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("", "Chosen when it was opened"),
                            ("late", "Choosing took too long"),
                            ("failed", "Choosing failed"),
                            ("empty", "There was nothing to choose from"),
                        ],
                        default="",
                        max_length=10,
                    ),
                ),
                (
                    "message",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="openings",
                        to="delivery.message",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.CreateModel(
            name="Shown",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("slot", models.PositiveSmallIntegerField()),
                ("place", models.PositiveSmallIntegerField()),
                (
                    "shown_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now()),
                ),
                ("verdict", models.CharField(blank=True, max_length=60)),
                (
                    "opening",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="shown",
                        to="campaigns.opening",
                    ),
                ),
            ],
            options={
                "ordering": ["-pk"],
            },
        ),
        migrations.AlterField(
            model_name="preflightfinding",
            name="kind",
            field=models.CharField(
                choices=[
                    ("cannot_be_written", "The mail cannot be written"),
                    ("no_subject", "The subject is empty"),
                    ("no_words", "The mail says nothing"),
                    ("no_unsubscribe", "There is no unsubscribe link"),
                    ("unsafe_link", "A link made of data leads nowhere"),
                    ("too_few_coupons", "There are not enough coupon codes"),
                    ("blank_value", "A value is missing and leaves a gap"),
                    ("too_big", "Gmail will cut the mail off (above 102 KB)"),
                    ("broken_block", "A block is missing or faulty"),
                    ("failed_source", "Something the mail asks did not answer"),
                    ("no_products", "There is no product to recommend; the fallback is shown"),
                    ("empty_slot", "No rule fills the slot; its fallback is shown"),
                    ("fallback_value", "A value is missing; the template’s own default is shown"),
                    ("suppressed", "A rule keeps the mail from them"),
                    ("coupons", "Coupon codes that will be given"),
                    ("at_opening", "Products are chosen when the mail is opened"),
                    (
                        "not_at_opening",
                        "Openings may not be noted: products stay as chosen at sending",
                    ),
                ],
                max_length=20,
            ),
        ),
    ]
