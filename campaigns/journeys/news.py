"""Which news a journey listens to, and which stored events stand behind an event that its document names."""

from campaigns.journeys.documents import Document, Wait
from customers import news
from customers.models import EventName
from segments.conditions import Happened
from segments.event_names import stored_types


def types_of(event: Happened) -> list[int]:
    """Return the types under which such events are stored; none where nobody has sent the name. One query at most."""
    if event.name is None:
        return [int(event.type)]
    return sorted(stored_types([event.name]).get(event.name, ()))


def bits_of(event: Happened) -> int:
    """Return the news that may be such an event; a name of the shop's own may count as any since."""
    return news.of_events([event.type] if event.name is None else [event.type, *EventName.TRACKABLE])


def listens(document: Document) -> int:
    """Return the news that may enter somebody, or wake who waits."""
    events = [step.act.event for step in document.steps if isinstance(step.act, Wait)]
    bits = 0
    for event in (document.trigger.event, *events):
        bits |= bits_of(event) if event is not None else 0
    return bits
