"""How many messages were waiting when a campaign was counted; campaigns with such messages are counted anew."""

from django.db import migrations, models

_COUNT_ANEW = """
UPDATE reports_campaignfigures SET is_stale = true
WHERE jsonb_path_exists(counted, '$.states.*.keyvalue() ? (@.key == "queued" || @.key == "held" || @.key == "in_flight")')
"""


class Migration(migrations.Migration):
    dependencies = [("reports", "0007_count_campaigns_anew")]

    operations = [
        migrations.AddField(
            "campaignfigures",
            "waiting",
            models.JSONField(default=dict, help_text="Messages of all arms that have not ended, by state"),
        ),
        migrations.RunSQL(_COUNT_ANEW, migrations.RunSQL.noop),
    ]
