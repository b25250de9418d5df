"""The database refuses to change the consent log: a merge may move a line, erasing a person deletes theirs."""

from django.db import migrations

REFUSE = """
CREATE FUNCTION customers_consent_log_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF current_setting('regards.erasure', true) = 'on' THEN RETURN OLD; END IF;
    ELSIF (NEW.id, NEW.purpose, NEW.is_granted, NEW.at, NEW.source, NEW.proof, NEW.text_id)
        IS NOT DISTINCT FROM
        (OLD.id, OLD.purpose, OLD.is_granted, OLD.at, OLD.source, OLD.proof, OLD.text_id) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the consent log is append-only';
END $$;
CREATE TRIGGER consent_log_is_append_only BEFORE UPDATE OR DELETE ON customers_consentrecord
FOR EACH ROW EXECUTE FUNCTION customers_consent_log_is_append_only();
"""
ALLOW = """
DROP TRIGGER consent_log_is_append_only ON customers_consentrecord;
DROP FUNCTION customers_consent_log_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("customers", "0009_rights")]

    operations = [migrations.RunSQL(REFUSE, ALLOW)]
