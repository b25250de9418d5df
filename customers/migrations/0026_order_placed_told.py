"""Orders know whether somebody said that they were placed, or whether it follows from their lines."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("customers", "0025_full_refunds")]

    operations = [
        migrations.AddField(
            model_name="order",
            name="is_placed_told",
            field=models.BooleanField(
                db_default=False, default=False, help_text="Off: that it was placed follows from its lines"
            ),
        ),
    ]
