"""What a customer did lately, in words."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from customers.models import Customer, Event
from customers.tracking.names import event_label

DAYS = 90
SHOWN = 50
_WORDS_IN = ("query", "term", "name", "path", "url", "title", "network")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event: what happened, to which product or with which words, what it was worth, who reported it."""

    occurred_at: datetime
    what: str
    subject: str
    quantity: int | None
    value_minor: int | None
    currency: str
    source: str


def recent_events(customer: Customer, *, until: datetime) -> list[Event]:
    """The latest events of the 90 days up to `until`, newest first; one query that reads few partitions."""
    window = {"occurred_at__gt": until - timedelta(days=DAYS), "occurred_at__lte": until}
    return list(Event.objects.filter(customer=customer, **window).order_by("-occurred_at", "-type")[:SHOWN])


def entries(
    events: Iterable[Event], *, products: Mapping[int, str], categories: Mapping[int, str]
) -> list[Entry]:
    """Put events into words, with the names of products and categories by id; no query."""
    return [
        Entry(
            occurred_at=event.occurred_at,
            what=_sentence_case(event_label(event.type)),
            subject=_subject(event, products, categories),
            quantity=event.quantity if event.quantity != 1 else None,
            value_minor=event.value_minor if event.currency else None,
            currency=event.currency or "",
            source=event.source,
        )
        for event in events
    ]


def _sentence_case(words: str) -> str:
    """The first letter large; the rest as it is: a shop's own event keeps its spelling."""
    return words[:1].upper() + words[1:]


def _subject(event: Event, products: Mapping[int, str], categories: Mapping[int, str]) -> str:
    if event.product_id is not None:
        return products.get(event.product_id, "a product that is gone")
    if event.category_id is not None:
        return categories.get(event.category_id, "")
    said = event.properties or {}
    return next((str(said[key])[:120] for key in _WORDS_IN if said.get(key)), "")
