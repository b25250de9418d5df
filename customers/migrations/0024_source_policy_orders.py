"""A source's policy says in which namespace it names orders, and how far it is believed about them."""

import django.core.validators
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0023_sync_run_consents")]

    operations = [
        migrations.AddField(
            model_name="sourcepolicy",
            name="orders_namespace",
            field=models.CharField(
                blank=True,
                db_default="",
                help_text="The same word for every source that tells the same orders under the same numbers, such as"
                " shop. Empty: its orders are its own. Decide before the first order comes: those stored stay where"
                " they are.",
                max_length=50,
                validators=[
                    django.core.validators.RegexValidator(
                        "^[a-z0-9_-]+$", "Lower-case letters, digits, - and _ only."
                    )
                ],
                verbose_name="names orders in",
            ),
        ),
        migrations.AddField(
            model_name="sourcepolicy",
            name="orders_rank",
            field=models.PositiveSmallIntegerField(
                db_default=0,
                default=0,
                help_text="Of two sources the one with the higher number is believed: a storefront 10, a webhook 20,"
                " the books 30.",
                validators=[django.core.validators.MaxValueValidator(100)],
                verbose_name="is believed about orders",
            ),
        ),
    ]
