"""The database refuses to change the audit trail: a subject may only be emptied, old lines deleted by retention."""

from django.db import migrations

REFUSE = """
CREATE FUNCTION accounts_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF current_setting('regards.retention', true) = 'on' THEN RETURN OLD; END IF;
    ELSIF NEW.object_id = '' AND (NEW.id, NEW.at, NEW.user_id, NEW.action, NEW.object_kind, NEW.detail)
        IS NOT DISTINCT FROM (OLD.id, OLD.at, OLD.user_id, OLD.action, OLD.object_kind, OLD.detail) THEN
        RETURN NEW;
    END IF;
    RAISE EXCEPTION 'the audit trail is append-only';
END $$;
CREATE TRIGGER audit_is_append_only BEFORE UPDATE OR DELETE ON accounts_auditentry
FOR EACH ROW EXECUTE FUNCTION accounts_audit_is_append_only();
"""
ALLOW = """
DROP TRIGGER audit_is_append_only ON accounts_auditentry;
DROP FUNCTION accounts_audit_is_append_only();
"""


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_audit_trail")]

    operations = [migrations.RunSQL(REFUSE, ALLOW)]
