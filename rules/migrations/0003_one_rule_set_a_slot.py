"""Where several rule sets decided one slot, the published one that comes first by name keeps it.

That is the one which the content API has asked; the others get a slot of their own, which no template has, and decide
nothing until somebody renames it.
"""

from django.db import migrations

PART = """
UPDATE rules_ruleset SET slot = left(rules_ruleset.slot, 49 - length(rules_ruleset.id::text)) || '-' || rules_ruleset.id
FROM (
    SELECT id, row_number() OVER (PARTITION BY slot ORDER BY live_version_id IS NULL, name, id) AS place
    FROM rules_ruleset
) AS ranked
WHERE ranked.id = rules_ruleset.id AND ranked.place > 1
"""


class Migration(migrations.Migration):
    dependencies = [("rules", "0002_immutable_versions")]

    operations = [migrations.RunSQL(PART, migrations.RunSQL.noop)]
