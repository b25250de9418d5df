"""Have campaigns counted anew in whose books ends were unknown, or of which nothing is kept.

An end that became another had made no books stale.
"""

from django.db import migrations

_COUNT_ANEW = """
UPDATE reports_campaignfigures SET is_stale = true
WHERE NOT counted ? 'states' OR jsonb_path_exists(counted, '$.states.*.unknown', '{}', true)
"""


class Migration(migrations.Migration):
    dependencies = [("reports", "0006_note_changed_ends")]

    operations = [migrations.RunSQL(_COUNT_ANEW, migrations.RunSQL.noop)]
