"""What happened to messages becomes part of the customers' history, each once."""

from collections.abc import Mapping

from django.db.models import Q, QuerySet
from django.db.models.functions import Now

from common.clock import now
from customers.events_in import EventIn
from customers.ingest import ingest
from customers.models import EventType
from delivery.judging import HITS, rescore
from delivery.models import Dispatch, MessageEvent
from delivery.verdicts import SETTLED_AFTER

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

    Machine opens and clicks, and tests, are passed over: they say nothing about the customer. Opens and clicks wait for
    seconds, until whatever came with them is there to judge them by. A crash in between, or a second recorder at the
    same time, hands a batch in again, which the event ledger stores once.
    """
    waiting = list(_ready().select_related("message__dispatch").order_by("pk")[:limit])
    changed = rescore({one.message_id for one in waiting if one.kind in HITS})
    told = [one for one in waiting if one.message.dispatch.kind != Dispatch.Kind.TEST]
    known = [one for one in told if one.kind in _TYPES and not _is_machine(one, changed)]
    ingest([_event(one) for one in known], source=SOURCE)
    MessageEvent.objects.filter(pk__in=[one.pk for one in waiting]).update(recorded_at=Now())
    return len(waiting)


def _ready() -> QuerySet[MessageEvent]:
    """What is to be recorded, without the hits of the last seconds; a provider's clock may run ahead."""
    at = now()
    fresh = Q(kind__in=HITS, occurred_at__gt=at - SETTLED_AFTER, occurred_at__lte=at)
    return MessageEvent.objects.filter(recorded_at=None).exclude(fresh)


def _is_machine(one: MessageEvent, changed: Mapping[int, str]) -> bool:
    return bool(changed[one.pk]) if one.pk in changed else one.is_machine


def _event(one: MessageEvent) -> EventIn:
    message = one.message
    return EventIn(
        client_id=one.dedupe_key,
        type=_TYPES[MessageEvent.Kind(one.kind)].value,
        occurred_at=one.occurred_at,
        customer_id=message.customer_id,
        properties={"message": message.pk, "dispatch": message.dispatch_id, "variant": message.variant_key},
    )
