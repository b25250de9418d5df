"""Published rules keep their slot; another slot for a draft takes its approval and its planned publication away."""

from django.db import migrations

CREATE = """
CREATE FUNCTION rules_keep_slot() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM rules_rulesetversion WHERE rule_set_id = OLD.id) THEN
        RAISE EXCEPTION 'Rule set % was published and keeps its slot.', OLD.key
            USING ERRCODE = 'integrity_constraint_violation';
    END IF;
    UPDATE rules_ruledraft SET approver_id = NULL, approved_at = NULL, publish_at = NULL, scheduled_by_id = NULL
    WHERE rule_set_id = OLD.id;
    NEW.revision := OLD.revision + 1;
    RETURN NEW;
END $$;
CREATE TRIGGER rules_ruleset_slot BEFORE UPDATE ON rules_ruleset FOR EACH ROW
    WHEN (OLD.slot IS DISTINCT FROM NEW.slot) EXECUTE FUNCTION rules_keep_slot();
"""
DROP = """
DROP TRIGGER rules_ruleset_slot ON rules_ruleset;
DROP FUNCTION rules_keep_slot();
"""


class Migration(migrations.Migration):
    dependencies = [("rules", "0007_unpublished_versions_become_drafts")]

    operations = [migrations.RunSQL(CREATE, DROP)]
