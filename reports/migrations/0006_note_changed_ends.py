"""A trigger that notes every message whose end becomes another one: a campaign's kept books count them all."""

from django.db import migrations

_NOTE = """
CREATE OR REPLACE TRIGGER reports_note_message AFTER UPDATE OF state, sent_at, customer_id, dispatch_id, variant_key
    ON delivery_message FOR EACH ROW WHEN (
        ({counted} OR NEW.state = 'sent')
        AND (OLD.state, OLD.sent_at, OLD.customer_id, OLD.dispatch_id, OLD.variant_key)
        IS DISTINCT FROM (NEW.state, NEW.sent_at, NEW.customer_id, NEW.dispatch_id, NEW.variant_key))
    EXECUTE FUNCTION reports_note_message();
"""


class Migration(migrations.Migration):
    dependencies = [("reports", "0005_keep_counts")]

    # A first end without being sent is not noted. A campaign is counted again and again while messages of its compared
    # arms wait; while only those wait who get the winner, it is counted when their number has changed (0008).
    operations = [
        migrations.RunSQL(
            _NOTE.format(counted="OLD.state NOT IN ('queued', 'held', 'in_flight')"),
            _NOTE.format(counted="OLD.state = 'sent'"),
        )
    ]
