from django.db import migrations, models


class Migration(migrations.Migration):
    """What was decided by verdicts on hits keeps them."""

    dependencies = [("delivery", "0011_link_lists")]

    operations = [
        migrations.AddField(
            model_name="dispatch",
            name="verdicts_frozen_at",
            field=models.DateTimeField(
                blank=True, null=True, help_text="Hits until then keep the verdict that they had"
            ),
        ),
    ]
