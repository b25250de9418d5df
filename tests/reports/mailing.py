"""Mails, what happened to them, and orders, for the tests of reports."""

from datetime import UTC, datetime, timedelta
from itertools import count

from customers.models import Customer, Order
from delivery.models import Dispatch, Message, MessageEvent, Sender

START = datetime(2026, 5, 4, 12, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
BROWSER = "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"
_numbers = count(1)


def dispatch(name: str = "Spring", *, kind: str = "campaign") -> Dispatch:
    """A pile of messages."""
    sender, _ = Sender.objects.get_or_create(name="Shop", from_name="Shop", from_email="news@shop.example")
    return Dispatch.objects.create(name=name, sender=sender, kind=kind)


def mail(
    to: Customer, of: Dispatch, *, at: datetime = START, variant: str = "a", **fields: object
) -> Message:
    """A mail that was sent."""
    values = {"state": "sent", "recipient": to.email or "", "sent_at": at, "variant_key": variant} | fields
    return Message.objects.create(dispatch=of, customer=to, occasion=str(next(_numbers)), **values)


def hit(
    message: Message,
    kind: str,
    at: datetime,
    *,
    is_machine: bool = False,
    agent: str = BROWSER,
    **fields: object,
) -> MessageEvent:
    """Something that happened to a mail."""
    return MessageEvent.objects.create(
        message=message,
        kind=kind,
        occurred_at=at,
        is_machine=is_machine,
        verdict="told" if is_machine else "",
        user_agent=agent if kind in ("opened", "clicked") else "",
        dedupe_key=f"hit-{next(_numbers)}",
        **fields,
    )


def order(
    by: Customer, at: datetime, total: int = 1_000, *, refunded: int = 0, currency: str = "EUR"
) -> Order:
    """An order."""
    return Order.objects.create(
        source="shop",
        external_id=f"o{next(_numbers)}",
        customer=by,
        placed_at=at,
        currency=currency,
        total_minor=total,
        refunded_minor=refunded,
    )


def buyers(number: int) -> list[Customer]:
    """Customers with addresses of two domains."""
    first = next(_numbers)
    return Customer.objects.bulk_create(
        Customer(email=f"b{first}-{one}@{'one' if one % 2 else 'two'}.example", stage="active")
        for one in range(number)
    )
