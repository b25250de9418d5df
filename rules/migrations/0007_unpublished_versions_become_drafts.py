"""A version that was saved last and never published was a draft: now it is one, based on what is live."""

from django.db import migrations

MOVE = """
INSERT INTO rules_ruledraft (rule_set_id, document, note, author_id, base_id, updated_at)
SELECT latest.rule_set_id, latest.document, latest.note, latest.author_id, rule_set.live_version_id, latest.created_at
FROM (
    SELECT DISTINCT ON (rule_set_id) * FROM rules_rulesetversion ORDER BY rule_set_id, number DESC
) AS latest
JOIN rules_ruleset rule_set ON rule_set.id = latest.rule_set_id
LEFT JOIN rules_rulesetversion live ON live.id = rule_set.live_version_id
WHERE latest.checksum IS DISTINCT FROM live.checksum
ON CONFLICT (rule_set_id) DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [("rules", "0006_edits_void_approval")]

    operations = [migrations.RunSQL(MOVE, migrations.RunSQL.noop)]
