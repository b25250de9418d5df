"""A stored version never changes: the database refuses it, whoever asks."""

from django.db import migrations

CREATE = """
CREATE FUNCTION rules_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'Version % is stored and cannot be changed; make a new version.', OLD.number
        USING ERRCODE = 'integrity_constraint_violation';
END $$;
CREATE TRIGGER rules_rulesetversion_immutable BEFORE UPDATE ON rules_rulesetversion
    FOR EACH ROW EXECUTE FUNCTION rules_refuse_change();
"""
DROP = """
DROP TRIGGER rules_rulesetversion_immutable ON rules_rulesetversion;
DROP FUNCTION rules_refuse_change();
"""


class Migration(migrations.Migration):
    dependencies = [("rules", "0001_initial")]

    operations = [migrations.RunSQL(CREATE, DROP)]
