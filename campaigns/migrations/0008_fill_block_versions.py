"""What campaigns froze becomes the first versions of blocks, what a block says now the newest."""

from django.db import migrations

FORWARDS = """
INSERT INTO campaigns_block (key, name, mjml, compiled_html, updated_at)
SELECT DISTINCT frozen.key, frozen.key, '', '', statement_timestamp() FROM campaigns_frozenblock frozen
WHERE NOT EXISTS (SELECT FROM campaigns_block block WHERE block.key = frozen.key) ORDER BY 1;

INSERT INTO campaigns_blockversion (block_id, number, mjml, compiled_html, findings, note, created_at)
SELECT block_id, row_number() OVER (PARTITION BY block_id ORDER BY is_now, first), mjml, compiled_html, '[]',
    CASE WHEN is_now THEN '' ELSE 'As a campaign froze it; its MJML was not kept' END, statement_timestamp()
FROM (
    SELECT block.id AS block_id, false AS is_now, min(frozen.id) AS first, '' AS mjml, frozen.compiled_html
    FROM campaigns_frozenblock frozen JOIN campaigns_block block USING (key)
    WHERE frozen.compiled_html <> block.compiled_html GROUP BY block.id, frozen.compiled_html
    UNION ALL
    SELECT id, true, 0, mjml, compiled_html FROM campaigns_block WHERE compiled_html <> '' OR mjml <> ''
) AS wording;

UPDATE campaigns_block block SET newest_id = (
    SELECT version.id FROM campaigns_blockversion version WHERE version.block_id = block.id
    ORDER BY version.number DESC LIMIT 1);

UPDATE campaigns_frozenblock frozen SET version_id = (
    SELECT version.id FROM campaigns_blockversion version JOIN campaigns_block block ON block.id = version.block_id
    WHERE block.key = frozen.key AND version.compiled_html = frozen.compiled_html
    ORDER BY version.number DESC LIMIT 1);
SET CONSTRAINTS ALL IMMEDIATE;
"""
BACKWARDS = """
UPDATE campaigns_block block SET mjml = version.mjml, compiled_html = version.compiled_html
FROM campaigns_blockversion version WHERE version.id = block.newest_id;
UPDATE campaigns_frozenblock frozen SET compiled_html = version.compiled_html
FROM campaigns_blockversion version WHERE version.id = frozen.version_id;
UPDATE campaigns_block SET newest_id = NULL;
UPDATE campaigns_frozenblock SET version_id = NULL;
DELETE FROM campaigns_blockversion;
SET CONSTRAINTS ALL IMMEDIATE;
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0007_block_version")]

    operations = [migrations.RunSQL(FORWARDS, BACKWARDS)]
