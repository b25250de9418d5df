"""A stored version never changes: the database refuses it, whoever asks."""

from django.db import migrations

CREATE = """
CREATE FUNCTION campaigns_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Version % is stored and cannot be changed; make a new version.', OLD.number
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER campaigns_templateversion_immutable BEFORE UPDATE ON campaigns_templateversion
    FOR EACH ROW EXECUTE FUNCTION campaigns_refuse_change();
"""
DROP = """
DROP TRIGGER campaigns_templateversion_immutable ON campaigns_templateversion;
DROP FUNCTION campaigns_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("campaigns", "0001_initial")]

    operations = [migrations.RunSQL(CREATE, DROP)]
