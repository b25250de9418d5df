"""How many messages were waiting when a campaign was counted."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reports", "0007_count_campaigns_anew")]

    operations = [
        migrations.AddField(
            "campaignfigures",
            "waiting",
            models.JSONField(
                null=True,
                help_text="Messages of all arms that have not ended, by state; NULL where that was not kept",
            ),
        )
    ]
