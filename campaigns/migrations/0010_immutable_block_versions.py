"""A stored version of a block never changes: the database refuses it, whoever asks."""

from django.db import migrations

CREATE = """
CREATE TRIGGER campaigns_blockversion_immutable BEFORE UPDATE ON campaigns_blockversion
    FOR EACH ROW EXECUTE FUNCTION campaigns_refuse_change();
"""
DROP = "DROP TRIGGER campaigns_blockversion_immutable ON campaigns_blockversion;"


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0009_blocks_by_version")]

    operations = [migrations.RunSQL(CREATE, DROP)]
