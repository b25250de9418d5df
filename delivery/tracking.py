"""What comes back from a mail: opens, clicks, unsubscribes."""

import uuid

from django.db import transaction
from django.http import HttpRequest

from common.clock import now
from customers.consent import withdraw
from customers.merging import current
from delivery.models import Message, MessageEvent
from delivery.verdicts import machine_verdict

PURPOSE_OPEN = "open"
PURPOSE_CLICK = "click"
PURPOSE_UNSUBSCRIBE = "unsubscribe"


def note_hit(
    message: Message, *, kind: MessageEvent.Kind, request: HttpRequest, link_index: int | None = None
) -> MessageEvent:
    """Keep one raw hit with a first verdict on who made it. Every hit is kept; counts are made of customers."""
    at = now()
    user_agent = request.headers.get("User-Agent", "")[:300]
    elapsed = (at - message.sent_at).total_seconds() if message.sent_at else None
    verdict = machine_verdict(user_agent=user_agent, method=request.method or "", seconds_since_sent=elapsed)
    return MessageEvent.objects.create(
        message=message,
        kind=kind,
        occurred_at=at,
        link_index=link_index,
        user_agent=user_agent,
        is_machine=bool(verdict),
        verdict=verdict,
        dedupe_key=f"{kind.value}:{message.pk}:{uuid.uuid4()}",
    )


@transaction.atomic
def unsubscribe(message: Message, *, source: str) -> None:
    """Withdraw the recipient's consent to marketing e-mail, once and at once; a repetition changes nothing."""
    withdraw([current(message.customer_id)], source=source, proof=f"message {message.pk}")
    MessageEvent.objects.bulk_create(
        [
            MessageEvent(
                message=message,
                kind=MessageEvent.Kind.UNSUBSCRIBED,
                occurred_at=now(),
                dedupe_key=f"unsubscribed:{message.pk}",
            )
        ],
        ignore_conflicts=True,
    )
