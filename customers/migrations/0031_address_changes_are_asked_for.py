"""A source may change addresses only where somebody says so: its write key may stand in a public page."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0030_touched_what_changed")]

    operations = [
        migrations.AlterField(
            model_name="sourcepolicy",
            name="changes_email",
            field=models.BooleanField(
                db_default=False,
                default=False,
                help_text="On: when it tells a new address for a known id, mail goes there, once it is agreed to"
                " again. Only for sources that nobody else can speak for: a write key in a public page lets anybody"
                " tell addresses. Off: the address stays, and the new one is noted on the profile.",
                verbose_name="change the address",
            ),
        )
    ]
