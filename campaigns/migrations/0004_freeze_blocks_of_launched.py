"""Campaigns that were launched before blocks were frozen keep sending what the blocks say now."""

from django.db import migrations

COPY = """
INSERT INTO campaigns_frozenblock (campaign_id, key, compiled_html)
SELECT campaign.id, block.key, block.compiled_html
FROM campaigns_campaign campaign CROSS JOIN campaigns_block block
WHERE campaign.state = 'launched' ORDER BY campaign.id, block.key
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0003_frozen_block")]

    operations = [migrations.RunSQL(COPY, "DELETE FROM campaigns_frozenblock")]
