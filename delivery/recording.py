"""What happened to messages becomes part of the customers' history, each once."""

from django.db.models.functions import Now

from customers.events_in import EventIn
from customers.ingest import ingest
from customers.models import EventType
from delivery.models import Dispatch, MessageEvent

SOURCE = "regards"
BATCH = 2_000
_TYPES = {
    MessageEvent.Kind.SENT: EventType.EMAIL_SENT,
    MessageEvent.Kind.OPENED: EventType.EMAIL_OPENED,
    MessageEvent.Kind.CLICKED: EventType.EMAIL_CLICKED,
    MessageEvent.Kind.BOUNCED: EventType.EMAIL_BOUNCED,
    MessageEvent.Kind.COMPLAINED: EventType.EMAIL_COMPLAINED,
    MessageEvent.Kind.UNSUBSCRIBED: EventType.EMAIL_UNSUBSCRIBED,
}


def record_message_events(*, limit: int = BATCH) -> int:
    """Take up to `limit` unrecorded message events into the event table and return how many there were.

    Machine opens and clicks, and tests, are passed over: they say nothing about the customer. A crash in between, or
    a second recorder at the same time, hands a batch in again, which the event ledger stores once.
    """
    waiting = list(
        MessageEvent.objects.filter(recorded_at=None).select_related("message__dispatch").order_by("pk")[:limit]
    )
    told = [one for one in waiting if one.message.dispatch.kind != Dispatch.Kind.TEST and not one.is_machine]
    ingest([_event(one) for one in told if one.kind in _TYPES], source=SOURCE)
    MessageEvent.objects.filter(pk__in=[one.pk for one in waiting]).update(recorded_at=Now())
    return len(waiting)


def _event(one: MessageEvent) -> EventIn:
    message = one.message
    return EventIn(
        client_id=one.dedupe_key,
        type=_TYPES[MessageEvent.Kind(one.kind)].value,
        occurred_at=one.occurred_at,
        customer_id=message.customer_id,
        properties={"message": message.pk, "dispatch": message.dispatch_id, "variant": message.variant_key},
    )
