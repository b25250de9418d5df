"""Triggers that note more exactly: order lines, whose campaigns an order left, rates by statement, lost addresses."""

from importlib import import_module

from django.db import migrations, models

_before = import_module("reports.migrations.0002_note_changes")

# Lines tell which products were bought: only those of people who had a mail within the longest window before.
_NOTE_LINES = """
CREATE FUNCTION reports_note_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reports_change (kind, ref) SELECT DISTINCT 'order', o.id
    FROM told JOIN customers_order o ON o.id = told.order_id
    WHERE told.product_id IS NOT NULL AND EXISTS (
        SELECT FROM delivery_message m WHERE m.customer_id = o.customer_id
            AND m.sent_at <= o.placed_at AND m.sent_at > o.placed_at - interval '90 days');
    RETURN NULL;
END $$;
CREATE TRIGGER reports_note_lines AFTER INSERT ON customers_orderline
    REFERENCING NEW TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION reports_note_lines();
CREATE TRIGGER reports_note_lost_lines AFTER DELETE ON customers_orderline
    REFERENCING OLD TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION reports_note_lines();

CREATE FUNCTION reports_note_changed_lines() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reports_change (kind, ref) SELECT DISTINCT 'order', o.id
    FROM was JOIN told USING (id) JOIN customers_order o ON o.id IN (was.order_id, told.order_id)
    WHERE (was.order_id, was.product_id, was.total_minor) IS DISTINCT FROM
        (told.order_id, told.product_id, told.total_minor) AND EXISTS (
        SELECT FROM delivery_message m WHERE m.customer_id = o.customer_id
            AND m.sent_at <= o.placed_at AND m.sent_at > o.placed_at - interval '90 days');
    RETURN NULL;
END $$;
CREATE TRIGGER reports_note_changed_lines AFTER UPDATE ON customers_orderline
    REFERENCING OLD TABLE AS was NEW TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION reports_note_changed_lines();
"""
_FORGET_LINES = """
DROP TRIGGER reports_note_changed_lines ON customers_orderline;
DROP FUNCTION reports_note_changed_lines();
DROP TRIGGER reports_note_lost_lines ON customers_orderline;
DROP TRIGGER reports_note_lines ON customers_orderline;
DROP FUNCTION reports_note_lines();
"""
# The campaigns in whose windows an order was before it went are known only now.
_NOTE_ORDER = """
CREATE OR REPLACE FUNCTION reports_note_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reports_change (kind, ref) VALUES ('order', OLD.id);
    IF TG_OP = 'DELETE' OR (NEW.customer_id, NEW.placed_at) IS DISTINCT FROM (OLD.customer_id, OLD.placed_at) THEN
        INSERT INTO reports_change (kind, ref) SELECT 'campaign', c.id FROM campaigns_recipient r
        JOIN campaigns_campaign c ON c.id = r.campaign_id AND c.launched_at <= OLD.placed_at
        JOIN experiments_experiment x ON x.id = c.experiment_id
            AND OLD.placed_at < coalesce(c.last_due_at, c.launched_at)
                + make_interval(days => x.conversion_window_days::int)
        WHERE r.customer_id = OLD.customer_id;
        INSERT INTO reports_change (kind, ref) SELECT 'message', m.id FROM delivery_message m
        WHERE m.customer_id = OLD.customer_id AND m.sent_at <= OLD.placed_at
            AND m.sent_at > OLD.placed_at - interval '90 days';
    END IF;
    RETURN NULL;
END $$;
DELETE FROM reports_change WHERE kind = 'customer';
"""
_NOTE_ORDER_AS_BEFORE = _before._NOTE_ORDER[
    _before._NOTE_ORDER.index("CREATE FUNCTION reports_note_order()") : _before._NOTE_ORDER.index(
        "CREATE TRIGGER reports_note_order AFTER UPDATE"
    )
].replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION")
# A rate holds for 31 days after its own, or until there is a newer one.
_REACHED = """
    INSERT INTO reports_change (kind, ref) SELECT DISTINCT 'order', o.id FROM (%s) AS told
    CROSS JOIN LATERAL (SELECT least(told.day + 32, min(x.day)) AS day FROM customers_exchangerate x
        WHERE x.currency = told.currency AND x.day > told.day) AS next
    JOIN customers_order o ON o.currency = told.currency AND o.placed_at >= told.day::timestamp AT TIME ZONE 'UTC'
        AND o.placed_at < next.day::timestamp AT TIME ZONE 'UTC'
    WHERE EXISTS (SELECT FROM delivery_message m WHERE m.customer_id = o.customer_id)
        OR EXISTS (SELECT FROM campaigns_recipient r WHERE r.customer_id = o.customer_id);
"""
_FUNCTION = """
CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN{reached}    RETURN NULL;
END $$;
"""
_EACH = "SELECT currency, day FROM told"
_MOVED = (
    "SELECT moved.currency, moved.day FROM was JOIN told USING (id)"
    " CROSS JOIN LATERAL (VALUES (was.currency, was.day), (told.currency, told.day)) AS moved (currency, day)"
    " WHERE (was.currency, was.day, was.rate) IS DISTINCT FROM (told.currency, told.day, told.rate)"
)
_NOTE_RATES = (
    _before._FORGET_RATE
    + _FUNCTION.format(name="reports_note_rates", reached=_REACHED % _EACH)
    + _FUNCTION.format(name="reports_note_changed_rates", reached=_REACHED % _MOVED)
    + """
CREATE TRIGGER reports_note_rates AFTER INSERT ON customers_exchangerate
    REFERENCING NEW TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION reports_note_rates();
CREATE TRIGGER reports_note_lost_rates AFTER DELETE ON customers_exchangerate
    REFERENCING OLD TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION reports_note_rates();
CREATE TRIGGER reports_note_changed_rates AFTER UPDATE ON customers_exchangerate
    REFERENCING OLD TABLE AS was NEW TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION reports_note_changed_rates();
"""
)
_FORGET_RATES = (
    """
DROP TRIGGER reports_note_changed_rates ON customers_exchangerate;
DROP TRIGGER reports_note_lost_rates ON customers_exchangerate;
DROP TRIGGER reports_note_rates ON customers_exchangerate;
DROP FUNCTION reports_note_changed_rates();
DROP FUNCTION reports_note_rates();
"""
    + _before._NOTE_RATE
)
# An erasure empties the address: its domain goes too.
_NOTE_LOST_ADDRESS = """
CREATE TRIGGER reports_note_lost_address AFTER UPDATE OF recipient ON delivery_message
    FOR EACH ROW WHEN (OLD.state = 'sent' AND OLD.recipient <> '' AND NEW.recipient = '')
    EXECUTE FUNCTION reports_note_message();
"""
_FORGET_LOST_ADDRESS = "DROP TRIGGER reports_note_lost_address ON delivery_message"


class Migration(migrations.Migration):
    dependencies = [("reports", "0003_digest")]

    operations = [
        migrations.AlterField(
            model_name="change",
            name="kind",
            field=models.CharField(
                choices=[
                    ("message", "Message"),
                    ("order", "Order"),
                    ("campaign", "Campaign of whose window an order was taken"),
                ],
                max_length=10,
            ),
        ),
        migrations.RunSQL(_NOTE_LINES, _FORGET_LINES),
        migrations.RunSQL(_NOTE_ORDER, _NOTE_ORDER_AS_BEFORE),
        migrations.RunSQL(_NOTE_RATES, _FORGET_RATES),
        migrations.RunSQL(_NOTE_LOST_ADDRESS, _FORGET_LOST_ADDRESS),
    ]
