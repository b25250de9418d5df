"""Say that nobody waits in books in which every message has ended; the others are counted anew, for they do not know."""

from django.db import migrations

_NOBODY_WAITS = """
UPDATE reports_campaignfigures SET waiting = '{}'
WHERE counted ? 'states' AND NOT (
    jsonb_path_exists(counted, '$.states.*.queued', '{}', true)
    OR jsonb_path_exists(counted, '$.states.*.held', '{}', true)
    OR jsonb_path_exists(counted, '$.states.*.in_flight', '{}', true)
)
"""


class Migration(migrations.Migration):
    dependencies = [("reports", "0008_count_who_waits")]

    operations = [migrations.RunSQL(_NOBODY_WAITS, migrations.RunSQL.noop)]
