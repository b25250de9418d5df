"""What follows from a bounce: the address is not mailed any more, or its domain rests."""

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings
from django.db.models.functions import Now

from customers.consent import suppress
from customers.models import Suppression
from delivery import domains
from delivery.bounces import classify
from delivery.models import Message, MessageEvent
from delivery.outbox import Claimed

Bounce = MessageEvent.Bounce


def heed(message: Message, bounce: str, *, words: str) -> None:
    """Act on a bounce of a message that is in the books: suppress its address, or let its domain rest.

    A soft bounce suppresses with the `SOFT_BOUNCES`-th message in `SOFT_BOUNCE_DAYS` days that bounced to this address.
    """
    if not message.recipient:
        return
    if bounce == Bounce.HARD or (bounce == Bounce.SOFT and _bounces_on_and_on(message)):
        suppress(message.recipient, Suppression.Reason.HARD_BOUNCE)
    elif bounce == Bounce.POLICY:
        domains.rest_for_policy(domains.domain_of(message.recipient), reason=words)


def heed_refusals(refused: Sequence[tuple[Claimed, str]]) -> None:
    """Act on refusals given while mail was handed over, where the server says whose fault it is in so many words."""
    unwanted: dict[str, str] = {}
    for claimed, words in refused:
        bounce = classify(text=words)
        if bounce == Bounce.HARD:
            suppress(claimed.recipient, Suppression.Reason.HARD_BOUNCE)
        elif bounce == Bounce.POLICY:
            unwanted[domains.domain_of(claimed.recipient)] = words
    for domain, words in sorted(unwanted.items()):
        domains.rest_for_policy(domain, reason=words)


def _bounces_on_and_on(message: Message) -> bool:
    """Whether so many messages to this address bounced lately that it counts as dead."""
    bounced = MessageEvent.objects.filter(
        message__customer_id=message.customer_id,
        message__recipient=message.recipient,
        kind=MessageEvent.Kind.BOUNCED,
        bounce=Bounce.SOFT,
        occurred_at__gt=Now() - timedelta(days=settings.SOFT_BOUNCE_DAYS),
    )
    return bounced.values("message").distinct().count() >= settings.SOFT_BOUNCES
