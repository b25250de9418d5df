"""What takes long to count for an experiment's page is kept with the campaign's figures."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("reports", "0004_note_lines")]

    operations = [
        migrations.AddField(
            model_name="campaignfigures",
            name="counted",
            field=models.JSONField(default=dict, help_text="reports.counting.Counted"),
        ),
    ]
