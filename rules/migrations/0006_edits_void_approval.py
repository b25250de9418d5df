"""An edit of a draft takes its approval and its planned publication away, whoever writes the row."""

from django.db import migrations

CREATE = """
CREATE FUNCTION rules_void_approval() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    NEW.approver_id := NULL;
    NEW.approved_at := NULL;
    NEW.publish_at := NULL;
    NEW.scheduled_by_id := NULL;
    RETURN NEW;
END $$;
CREATE TRIGGER rules_ruledraft_edited BEFORE UPDATE ON rules_ruledraft FOR EACH ROW
    WHEN ((OLD.document, OLD.base_id, OLD.author_id) IS DISTINCT FROM (NEW.document, NEW.base_id, NEW.author_id))
    EXECUTE FUNCTION rules_void_approval();
"""
DROP = """
DROP TRIGGER rules_ruledraft_edited ON rules_ruledraft;
DROP FUNCTION rules_void_approval();
"""


class Migration(migrations.Migration):
    dependencies = [("rules", "0005_draft_and_tests")]

    operations = [migrations.RunSQL(CREATE, DROP)]
