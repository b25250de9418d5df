"""The books of a list say how many answers about mail it brought."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0022_suppression_unsubscribed")]

    operations = [
        migrations.AddField(
            model_name="syncrun",
            name="consents",
            field=models.JSONField(
                db_default={},
                default=dict,
                help_text="New answers that the rows gave: granted and withdrawn",
            ),
        )
    ]
