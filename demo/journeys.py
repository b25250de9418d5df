"""A journey that is under way: who left a cart behind is reminded of it."""

from datetime import timedelta

from campaigns.journeys import starters, versions
from campaigns.journeys.entering import Candidate, enter
from campaigns.journeys.walking import clock, walk_due
from campaigns.models import Journey
from customers.models import Event, EventType
from delivery.models import Sender

KEY = "abandoned-cart"
MOST = 500


def open_cart_journey() -> int:
    """Open the starter for abandoned carts, once, and let in who left one during the last day; return how many."""
    if Journey.objects.filter(key=KEY).exists():
        return 0
    journey = Journey.objects.create(
        key=KEY,
        name=starters.STARTERS[KEY].name,
        sender=Sender.objects.earliest("pk"),
        draft=starters.install(KEY),
    )
    versions.publish(journey, journey.draft, note="The starter as it is.")
    versions.open_to_customers(journey)
    at = clock()
    left = _who(EventType.PRODUCT_ADDED) - _who(EventType.ORDER_PLACED)
    entered = enter(
        journey, [Candidate(customer_id=one, key="demo", at=at) for one in sorted(left)[:MOST]], now=at
    )
    walk_due(journey.pk)
    return entered


def _who(type: EventType) -> set[int]:
    """Who did this during the last day."""
    at = clock()
    done = Event.objects.filter(type=type, occurred_at__gt=at - timedelta(days=1), occurred_at__lte=at)
    return set(done.values_list("customer_id", flat=True).distinct())
