"""Have campaigns counted anew in whose books messages wait: how many they are was not kept beside them."""

from django.db import migrations

_COUNT_ANEW = """
UPDATE reports_campaignfigures SET is_stale = true
WHERE jsonb_path_exists(counted, '$.states.*.queued', '{}', true)
    OR jsonb_path_exists(counted, '$.states.*.held', '{}', true)
    OR jsonb_path_exists(counted, '$.states.*.in_flight', '{}', true)
"""


class Migration(migrations.Migration):
    dependencies = [("reports", "0008_count_who_waits")]

    operations = [migrations.RunSQL(_COUNT_ANEW, migrations.RunSQL.noop)]
