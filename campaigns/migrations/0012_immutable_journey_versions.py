"""A journey's version never changes: the database refuses it, as with templates."""

from django.db import migrations

CREATE = """
CREATE TRIGGER campaigns_journeyversion_immutable BEFORE UPDATE ON campaigns_journeyversion
    FOR EACH ROW EXECUTE FUNCTION campaigns_refuse_change();
"""
DROP = "DROP TRIGGER campaigns_journeyversion_immutable ON campaigns_journeyversion;"


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0011_journeys")]

    operations = [migrations.RunSQL(CREATE, DROP)]
