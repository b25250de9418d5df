"""Providers' reports. Anymail verifies their signature and gives them one vocabulary; here they find their message."""

import hashlib
import json
import math
import re
from datetime import datetime
from typing import Any

from anymail.signals import AnymailTrackingEvent, EventType, RejectReason, tracking
from django.db import transaction
from django.db.models import Q
from django.dispatch import receiver

from common.clock import now
from customers.consent import suppress
from customers.models import Suppression
from delivery.bounces import classify, said_by
from delivery.bouncing import heed
from delivery.judging import HITS
from delivery.models import Message, MessageEvent, WebhookReceipt
from delivery.reconciling import settle_reported
from delivery.tracking import may_note, unsubscribe
from delivery.verdicts import reported_verdict

Kind = MessageEvent.Kind
_KINDS = {
    EventType.DELIVERED: Kind.DELIVERED,
    EventType.OPENED: Kind.OPENED,
    EventType.CLICKED: Kind.CLICKED,
    EventType.DEFERRED: Kind.DEFERRED,
    EventType.BOUNCED: Kind.BOUNCED,
    EventType.REJECTED: Kind.REJECTED,
    EventType.FAILED: Kind.REJECTED,
    EventType.COMPLAINED: Kind.COMPLAINED,
    EventType.UNSUBSCRIBED: Kind.UNSUBSCRIBED,
}
_OUR_MESSAGE_ID = re.compile(r"^<?(\d{1,18})\.regards@")
_ANY_PROVIDER = ("gateway", "smtp")
"""Ways out behind which any provider may stand."""


@receiver(tracking)
def take_report(sender: object, event: AnymailTrackingEvent, esp_name: str, **kwargs: Any) -> None:
    """Keep a verified report once, and what it says about its message; the order of reports does not matter."""
    message, kind = _message_of(event, esp_name), _KINDS.get(event.event_type)
    may_keep = message is None or kind is None or may_note(message.customer_id, kind)
    raw = _plain(event.esp_event)
    key = _text(str(event.event_id or _hash_of(raw)))[:200]
    with transaction.atomic():
        receipt, is_new = WebhookReceipt.objects.get_or_create(
            provider=esp_name,
            event_key=key,
            defaults={
                "kind": _text(str(event.event_type))[:30],
                "raw": raw if may_keep else {},
                "message": message,
            },
        )
        if is_new and may_keep and kind is not None and receipt.message is not None:
            _apply(receipt.message, kind=kind, event=event, dedupe_key=f"{esp_name}:{key}"[:200])
            settle_reported(receipt.message.pk)


def _apply(message: Message, *, kind: Kind, event: AnymailTrackingEvent, dedupe_key: str) -> None:
    if kind == Kind.UNSUBSCRIBED:
        unsubscribe(message, source="provider's report")
        return
    at = event.timestamp or now()
    verdict = _verdict_on_report(message, event, at=at) if kind in HITS else ""
    words = _text(f"{event.mta_response or ''} {event.description or ''}").strip()
    bounce = _bounce_of(event, kind, words)
    MessageEvent.objects.bulk_create(
        [
            MessageEvent(
                message=message,
                kind=kind,
                bounce=bounce,
                occurred_at=at,
                user_agent=_text(event.user_agent or "")[:300],
                is_machine=bool(verdict),
                verdict=verdict,
                dedupe_key=dedupe_key,
            )
        ],
        ignore_conflicts=True,
    )
    if kind == Kind.COMPLAINED:
        suppress(message.recipient, Suppression.Reason.COMPLAINT)
    elif bounce:
        heed(message, bounce, words=words)


def _verdict_on_report(message: Message, event: AnymailTrackingEvent, *, at: datetime) -> str:
    """Say why an opening or click that a provider reports counts as a machine's, or return an empty string."""
    elapsed = (at - message.sent_at).total_seconds() if message.sent_at else None
    return reported_verdict(
        user_agent=event.user_agent or "", report=event.esp_event, seconds_since_sent=elapsed
    )


def _bounce_of(event: AnymailTrackingEvent, kind: Kind, words: str) -> str:
    """The class of a bounce, and of a refusal because of the address; empty for other reports."""
    is_address = kind == Kind.REJECTED and event.reject_reason in (RejectReason.INVALID, RejectReason.BOUNCED)
    if kind == Kind.BOUNCED or is_address:
        said = said_by(event.esp_event) or ("invalid" if event.reject_reason == RejectReason.INVALID else "")
        return classify(text=words, kind=said or str(event.reject_reason or ""))
    return ""


def _message_of(event: AnymailTrackingEvent, esp_name: str) -> Message | None:
    """Find our message by its Message-ID or the provider's id, if this provider had it, and for this address.

    Whoever knows one provider's secret can thus say nothing about another's mails.
    """
    provider_id = _text(str(event.message_id or ""))
    if not provider_id:
        return None
    ours = _OUR_MESSAGE_ID.match(provider_id)
    chosen = Q(pk=int(ours.group(1))) if ours else Q(provider_id__in=[provider_id, provider_id.strip("<>")])
    found = Message.objects.select_related("dispatch__sender").defer("raw").filter(chosen)
    address = (event.recipient or "").lower()
    return next((one for one in found[:10] if _is_about(one, address=address, esp_name=esp_name)), None)


def _is_about(message: Message, *, address: str, esp_name: str) -> bool:
    backend = message.dispatch.sender.backend
    had_it = backend in _ANY_PROVIDER or _letters(backend) == _letters(esp_name)
    return had_it and (not address or not message.recipient or message.recipient.lower() == address)


def _letters(name: str) -> str:
    return re.sub(r"[^a-z]", "", name.lower())


def _hash_of(raw: Any) -> str:
    """The same for the same report, in whatever order its parts come."""
    return hashlib.sha256(json.dumps(raw, sort_keys=True).encode()).hexdigest()


def _plain(raw: Any) -> Any:
    """Make a provider's raw report storable as JSON, whatever mapping it came as."""
    if hasattr(raw, "lists"):
        raw = {name: values[0] if len(values) == 1 else values for name, values in raw.lists()}
    if isinstance(raw, dict):
        return {_text(str(name)): _plain(value) for name, value in raw.items()}
    if isinstance(raw, list | tuple):
        return [_plain(value) for value in raw]
    if isinstance(raw, float) and not math.isfinite(raw):
        return None
    return raw if isinstance(raw, int | float | bool | None) else _text(str(raw))


def _text(said: str) -> str:
    """Text as PostgreSQL takes it: no NUL, and no half of a character."""
    return said.replace("\0", "").encode("utf-8", "replace").decode()
