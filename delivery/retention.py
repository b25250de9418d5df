"""What the post office forgets, and when it must (see `settings.RETENTION`)."""

from datetime import datetime

from django.db.models import Case, F, Q, QuerySet, Value, When

from delivery.models import MailboxMessage, MessageEvent, WebhookReceipt

BATCH = 5_000


def delete_mailbox_copies(before: datetime) -> int:
    """Delete mails of the local mailbox received before that; returns how many."""
    total = 0
    while ids := _some(MailboxMessage.objects.filter(received_at__lt=before)):
        total += MailboxMessage.objects.filter(pk__in=ids).delete()[0]
    return total


def empty_webhook_bodies(before: datetime) -> int:
    """Empty the providers' reports received before that; that they came stays. Returns how many."""
    total = 0
    telling = ~Q(raw={}) | Q(told__isnull=False)
    while ids := _some(WebhookReceipt.objects.filter(telling, received_at__lt=before)):
        total += WebhookReceipt.objects.filter(pk__in=ids).update(
            raw={},
            told=None,
            state=Case(When(state="waiting", then=Value(WebhookReceipt.State.UNKNOWN)), default=F("state")),
        )
    return total


def empty_devices(before: datetime) -> int:
    """Empty the devices and raw words of openings and clicks before that; the verdict stays. Returns how many."""
    total = 0
    telling = Q(raw__isnull=False) | ~Q(user_agent="")
    while ids := _some(MessageEvent.objects.filter(telling, occurred_at__lt=before)):
        total += MessageEvent.objects.filter(pk__in=ids).update(user_agent="", raw=None)
    return total


def _some(rows: QuerySet[MailboxMessage] | QuerySet[WebhookReceipt] | QuerySet[MessageEvent]) -> list[int]:
    """The keys of one batch, so that no statement runs long."""
    return list(rows.order_by("pk").values_list("pk", flat=True)[:BATCH])
