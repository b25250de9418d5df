"""Have campaigns counted anew in whose books ends were unknown: one that became another had made none stale."""

from django.db import migrations

_COUNT_ANEW = """
UPDATE reports_campaignfigures SET is_stale = true
WHERE NOT is_stale AND jsonb_path_exists(counted, '$.states.*.unknown')
"""


class Migration(migrations.Migration):
    dependencies = [("reports", "0006_note_changed_ends")]

    operations = [migrations.RunSQL(_COUNT_ANEW, migrations.RunSQL.noop)]
