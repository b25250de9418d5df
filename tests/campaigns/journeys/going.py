"""Journeys, and moving the clock for those who are on the way."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from django.db.models import F

from campaigns.journeys import versions
from campaigns.journeys.entering import Candidate, enter
from campaigns.journeys.walking import clock, walk_due
from campaigns.models import Enrolment, Journey, StepVisit
from common.clock import now
from customers.ingest import EventIn, ingest
from customers.models import Customer, EventType
from delivery.models import Sender
from segments import membership
from tests.campaigns.making import letter

REMIND = {"name": "remind", "send": {"template": "cart"}}
HOUR = {"name": "an-hour", "wait": {"for": {"hours": 1}}}
CART = {"trigger": {"event": "product_added"}, "steps": [HOUR, REMIND]}


def journey(
    document: dict[str, Any] = CART, *, key: str = "cart", is_open: bool = True, **fields: Any
) -> Journey:
    """A published journey, open to customers unless told otherwise."""
    letter("cart")
    sender, _ = Sender.objects.get_or_create(
        from_email="news@shop.example", name="Shop", from_name="Shop", rate_per_second=100_000
    )
    made = Journey.objects.create(key=key, name=key, sender=sender, **fields)
    versions.publish(made, document)
    if is_open:
        versions.open_to_customers(made)
    return made


def enrol(journey: Journey, *customers: Customer, key: str = "by hand") -> int:
    """Let them enter; return how many did."""
    journey.refresh_from_db()
    at = clock()
    return enter(journey, [Candidate(customer_id=one.pk, key=key, at=at) for one in customers], now=at)


def later(span: timedelta) -> None:
    """Let so much time pass for everybody on the way."""
    Enrolment.objects.filter(is_active=True).update(
        due_at=F("due_at") - span, waits_since=F("waits_since") - span
    )
    Enrolment.objects.update(started_at=F("started_at") - span, ended_at=F("ended_at") - span)


def walk(journey: Journey) -> int:
    """Move on who is due."""
    return walk_due(journey.pk)


def did(customer: Customer, type: EventType = EventType.PRODUCT_ADDED) -> None:
    """Let the customer do something now, and the news of it come through."""
    event = EventIn(
        client_id=str(uuid4()),
        type=type,
        occurred_at=now(),
        customer_id=customer.pk,
        order=str(uuid4()) if type == EventType.ORDER_PLACED else "",
    )
    assert ingest([event], source="test").inserted == 1
    membership.refresh_touched()


def been_through(customer: Customer) -> list[tuple[str, str]]:
    """The steps that a customer did, with what came out, in order."""
    visits = StepVisit.objects.filter(enrolment__customer=customer).order_by("enrolment", "position")
    return list(visits.values_list("step", "outcome"))
