"""Have every campaign counted anew: an end that became another had made none stale."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("reports", "0006_note_changed_ends")]

    operations = [
        migrations.RunSQL("UPDATE reports_campaignfigures SET is_stale = true", migrations.RunSQL.noop)
    ]
