"""A source may tell a new address for a known id."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0026_order_placed_told")]

    operations = [
        migrations.AddField(
            model_name="sourcepolicy",
            name="changes_email",
            field=models.BooleanField(
                db_default=True,
                default=True,
                help_text="On: when it tells a new address for a known id, mail goes there, once it is agreed to"
                " again. Off: the address stays as it is.",
                verbose_name="change the address",
            ),
        )
    ]
