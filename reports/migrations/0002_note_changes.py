"""Triggers that note which messages, orders and customers reports must read anew, in the change's own transaction."""

from django.db import migrations

_NOTE_EVENT = """
CREATE FUNCTION reports_note_events() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reports_change (kind, ref) SELECT DISTINCT 'message', message_id FROM told WHERE kind <> 'sent';
    RETURN NULL;
END $$;
CREATE TRIGGER reports_note_events AFTER INSERT ON delivery_messageevent
    REFERENCING NEW TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION reports_note_events();

CREATE FUNCTION reports_note_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reports_change (kind, ref) VALUES ('message', OLD.message_id);
    IF TG_OP = 'UPDATE' AND NEW.message_id <> OLD.message_id THEN
        INSERT INTO reports_change (kind, ref) VALUES ('message', NEW.message_id);
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER reports_note_event AFTER UPDATE OF message_id, kind, is_machine, occurred_at ON delivery_messageevent
    FOR EACH ROW WHEN (
        (OLD.message_id, OLD.kind, OLD.is_machine, OLD.occurred_at)
        IS DISTINCT FROM (NEW.message_id, NEW.kind, NEW.is_machine, NEW.occurred_at))
    EXECUTE FUNCTION reports_note_event();
CREATE TRIGGER reports_note_lost_event AFTER DELETE ON delivery_messageevent
    FOR EACH ROW EXECUTE FUNCTION reports_note_event();
"""
_FORGET_EVENT = """
DROP TRIGGER reports_note_lost_event ON delivery_messageevent;
DROP TRIGGER reports_note_event ON delivery_messageevent;
DROP FUNCTION reports_note_event();
DROP TRIGGER reports_note_events ON delivery_messageevent;
DROP FUNCTION reports_note_events();
"""
_NOTE_MESSAGE = """
CREATE FUNCTION reports_note_message() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reports_change (kind, ref) VALUES ('message', coalesce(NEW.id, OLD.id));
    RETURN NULL;
END $$;
CREATE TRIGGER reports_note_message AFTER UPDATE OF state, sent_at, customer_id, dispatch_id, variant_key
    ON delivery_message FOR EACH ROW WHEN (
        (OLD.state = 'sent' OR NEW.state = 'sent')
        AND (OLD.state, OLD.sent_at, OLD.customer_id, OLD.dispatch_id, OLD.variant_key)
        IS DISTINCT FROM (NEW.state, NEW.sent_at, NEW.customer_id, NEW.dispatch_id, NEW.variant_key))
    EXECUTE FUNCTION reports_note_message();
CREATE TRIGGER reports_note_new_message AFTER INSERT ON delivery_message
    FOR EACH ROW WHEN (NEW.state = 'sent') EXECUTE FUNCTION reports_note_message();
CREATE TRIGGER reports_note_lost_message AFTER DELETE ON delivery_message
    FOR EACH ROW EXECUTE FUNCTION reports_note_message();
"""
_FORGET_MESSAGE = """
DROP TRIGGER reports_note_lost_message ON delivery_message;
DROP TRIGGER reports_note_new_message ON delivery_message;
DROP TRIGGER reports_note_message ON delivery_message;
DROP FUNCTION reports_note_message();
"""
# Only orders of people whom a campaign or a journey had in mind: histories that are imported note nothing.
_NOTE_ORDER = """
CREATE FUNCTION reports_note_orders() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reports_change (kind, ref) SELECT 'order', told.id FROM told
    WHERE EXISTS (SELECT FROM delivery_message m WHERE m.customer_id = told.customer_id)
        OR EXISTS (SELECT FROM campaigns_recipient r WHERE r.customer_id = told.customer_id);
    RETURN NULL;
END $$;
CREATE TRIGGER reports_note_orders AFTER INSERT ON customers_order
    REFERENCING NEW TABLE AS told FOR EACH STATEMENT EXECUTE FUNCTION reports_note_orders();

CREATE FUNCTION reports_note_order() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO reports_change (kind, ref) VALUES ('order', OLD.id);
    IF TG_OP = 'DELETE' OR (NEW.customer_id, NEW.placed_at) IS DISTINCT FROM (OLD.customer_id, OLD.placed_at) THEN
        INSERT INTO reports_change (kind, ref) VALUES ('customer', OLD.customer_id);
        INSERT INTO reports_change (kind, ref) SELECT 'message', m.id FROM delivery_message m
        WHERE m.customer_id = OLD.customer_id AND m.sent_at <= OLD.placed_at
            AND m.sent_at > OLD.placed_at - interval '90 days';
    END IF;
    RETURN NULL;
END $$;
CREATE TRIGGER reports_note_order AFTER UPDATE OF customer_id, placed_at, currency, total_minor, refunded_minor
    ON customers_order FOR EACH ROW WHEN (
        (OLD.customer_id, OLD.placed_at, OLD.currency, OLD.total_minor, OLD.refunded_minor)
        IS DISTINCT FROM (NEW.customer_id, NEW.placed_at, NEW.currency, NEW.total_minor, NEW.refunded_minor))
    EXECUTE FUNCTION reports_note_order();
CREATE TRIGGER reports_note_lost_order AFTER DELETE ON customers_order
    FOR EACH ROW EXECUTE FUNCTION reports_note_order();
"""
_FORGET_ORDER = """
DROP TRIGGER reports_note_lost_order ON customers_order;
DROP TRIGGER reports_note_order ON customers_order;
DROP FUNCTION reports_note_order();
DROP TRIGGER reports_note_orders ON customers_order;
DROP FUNCTION reports_note_orders();
"""
# A rate holds for 31 days unless there is a newer one.
_NOTE_RATE = """
CREATE FUNCTION reports_note_rate() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE told customers_exchangerate;
BEGIN
    IF TG_OP = 'DELETE' THEN told := OLD; ELSE told := NEW; END IF;
    INSERT INTO reports_change (kind, ref) SELECT 'order', o.id FROM customers_order o
    WHERE o.currency = told.currency AND o.placed_at >= told.day::timestamp AT TIME ZONE 'UTC'
        AND o.placed_at < (told.day + 32)::timestamp AT TIME ZONE 'UTC'
        AND EXISTS (SELECT FROM delivery_message m WHERE m.customer_id = o.customer_id);
    RETURN NULL;
END $$;
CREATE TRIGGER reports_note_rate AFTER INSERT OR DELETE OR UPDATE OF rate, day, currency ON customers_exchangerate
    FOR EACH ROW EXECUTE FUNCTION reports_note_rate();
"""
_FORGET_RATE = """
DROP TRIGGER reports_note_rate ON customers_exchangerate;
DROP FUNCTION reports_note_rate();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("reports", "0001_initial"),
        ("campaigns", "0022_writing_hours"),
        ("customers", "0037_seal_hook_secrets"),
        ("delivery", "0022_indexes_of_what_waits"),
    ]

    operations = [
        migrations.RunSQL(_NOTE_EVENT, _FORGET_EVENT),
        migrations.RunSQL(_NOTE_MESSAGE, _FORGET_MESSAGE),
        migrations.RunSQL(_NOTE_ORDER, _FORGET_ORDER),
        migrations.RunSQL(_NOTE_RATE, _FORGET_RATE),
    ]
