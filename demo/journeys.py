"""A journey that is under way: who left a cart behind is reminded of it, half of them already."""

from datetime import timedelta

from django.db.models import F

from campaigns.journeys import starters, versions
from campaigns.journeys.entering import Candidate, enter
from campaigns.journeys.walking import clock, walk_due
from campaigns.models import Enrolment, Journey
from customers.models import Event, EventType
from delivery.models import Sender

KEY = "abandoned-cart"
MOST = 500
PASSED = timedelta(hours=4)
"""More than the starter waits before it reminds."""


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
    _let_hours_pass(journey)
    walk_due(journey.pk)
    return entered


def _let_hours_pass(journey: Journey) -> None:
    """Let half of those who wait have come so long ago that their wait is over."""
    waiting = Enrolment.objects.filter(journey=journey, is_active=True).order_by("pk")
    half = list(waiting.values_list("pk", flat=True)[::2])
    moved = {name: F(name) - PASSED for name in ("started_at", "waits_since", "due_at")}
    Enrolment.objects.filter(pk__in=half).update(**moved)


def _who(type: EventType) -> set[int]:
    """Who did this during the last day."""
    at = clock()
    done = Event.objects.filter(type=type, occurred_at__gt=at - timedelta(days=1), occurred_at__lte=at)
    return set(done.values_list("customer_id", flat=True).distinct())
