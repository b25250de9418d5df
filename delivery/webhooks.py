"""Providers' reports. Anymail verifies their signature and gives them one vocabulary; here they find their message."""

import hashlib
import re
from datetime import datetime
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, tracking
from django.db import transaction
from django.dispatch import receiver

from common.clock import now
from customers.consent import suppress
from customers.models import Suppression
from delivery.judging import HITS
from delivery.models import Message, MessageEvent, WebhookReceipt
from delivery.reconciling import settle_reported
from delivery.tracking import may_note, unsubscribe
from delivery.verdicts import reported_verdict

_KINDS = {
    EventType.DELIVERED: MessageEvent.Kind.DELIVERED,
    EventType.OPENED: MessageEvent.Kind.OPENED,
    EventType.CLICKED: MessageEvent.Kind.CLICKED,
    EventType.BOUNCED: MessageEvent.Kind.BOUNCED,
    EventType.REJECTED: MessageEvent.Kind.REJECTED,
    EventType.FAILED: MessageEvent.Kind.REJECTED,
    EventType.COMPLAINED: MessageEvent.Kind.COMPLAINED,
    EventType.UNSUBSCRIBED: MessageEvent.Kind.UNSUBSCRIBED,
}
_OUR_MESSAGE_ID = re.compile(r"^<?(\d+)\.regards@")


@receiver(tracking)
def take_report(sender: object, event: AnymailTrackingEvent, esp_name: str, **kwargs: Any) -> None:
    """Keep a verified report once, and what it says about its message; the order of reports does not matter."""
    message, kind = _message_of(event), _KINDS.get(event.event_type)
    may_keep = message is None or kind is None or may_note(message.customer_id, kind)
    key = event.event_id or hashlib.sha256(repr(event.esp_event).encode()).hexdigest()
    with transaction.atomic():
        receipt, is_new = WebhookReceipt.objects.get_or_create(
            provider=esp_name,
            event_key=str(key)[:200],
            defaults={
                "kind": str(event.event_type)[:30],
                "raw": _plain(event.esp_event) if may_keep else {},
                "message": message,
            },
        )
        if is_new and may_keep and kind is not None and receipt.message is not None:
            _apply(
                receipt.message, kind=kind, event=event, dedupe_key=f"{esp_name}:{receipt.event_key}"[:200]
            )
            settle_reported(receipt.message.pk)


def _apply(
    message: Message, *, kind: MessageEvent.Kind, event: AnymailTrackingEvent, dedupe_key: str
) -> None:
    if kind == MessageEvent.Kind.UNSUBSCRIBED:
        unsubscribe(message, source="provider's report")
        return
    at = event.timestamp or now()
    verdict = _verdict_on_report(message, event, at=at) if kind in HITS else ""
    MessageEvent.objects.bulk_create(
        [
            MessageEvent(
                message=message,
                kind=kind,
                occurred_at=at,
                user_agent=(event.user_agent or "")[:300],
                is_machine=bool(verdict),
                verdict=verdict,
                dedupe_key=dedupe_key,
            )
        ],
        ignore_conflicts=True,
    )
    if kind == MessageEvent.Kind.COMPLAINED:
        suppress(message.recipient, Suppression.Reason.COMPLAINT)
    elif kind == MessageEvent.Kind.BOUNCED and event.reject_reason in ("invalid", "bounced"):
        suppress(message.recipient, Suppression.Reason.HARD_BOUNCE)


def _verdict_on_report(message: Message, event: AnymailTrackingEvent, *, at: datetime) -> str:
    """Say why an opening or click that a provider reports counts as a machine's, or return an empty string."""
    elapsed = (at - message.sent_at).total_seconds() if message.sent_at else None
    return reported_verdict(
        user_agent=event.user_agent or "", report=event.esp_event, seconds_since_sent=elapsed
    )


def _message_of(event: AnymailTrackingEvent) -> Message | None:
    """Find our message by the Message-ID we gave it, or by the provider's id."""
    provider_id = str(event.message_id or "")
    ours = _OUR_MESSAGE_ID.match(provider_id)
    if ours:
        return Message.objects.filter(pk=int(ours.group(1))).first()
    return Message.objects.filter(provider_id=provider_id).first() if provider_id else None


def _plain(raw: Any) -> Any:
    """Make a provider's raw report storable as JSON, whatever mapping it came as."""
    if hasattr(raw, "lists"):
        return {name: values if len(values) > 1 else values[0] for name, values in raw.lists()}
    if isinstance(raw, dict):
        return {str(name): _plain(value) for name, value in raw.items()}
    if isinstance(raw, list | tuple):
        return [_plain(value) for value in raw]
    return raw if isinstance(raw, str | int | float | bool | None) else str(raw)
