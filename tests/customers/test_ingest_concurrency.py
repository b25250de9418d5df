"""Four writers at once, every event sent by two of them: no deadlock surfaces and the sums are exact."""

import random
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.db.models import Sum

from customers.facts import facts_drift
from customers.ingest import EventIn, IngestResult, ingest
from customers.models import Customer, CustomerFacts, Event, EventKey, EventType, Order, Refund, Touched
from products.catalogue import ProductRef

AT = datetime(2026, 1, 20, tzinfo=UTC)
KINDS = [EventType.PRODUCT_VIEWED, EventType.PRODUCT_ADDED, EventType.ORDER_LINE, EventType.ORDER_REFUNDED]


def events(count: int) -> list[EventIn]:
    pick = random.Random(7)
    return [_event(number, pick) for number in range(count)]


def _event(number: int, pick: random.Random) -> EventIn:
    customer = pick.randrange(40)
    order = f"{customer}-{pick.randrange(5)}"
    return EventIn(
        client_id=f"e{number}",
        type=pick.choice(KINDS),
        occurred_at=AT + timedelta(minutes=pick.randrange(60 * 24 * 40)),
        customer=str(customer),
        email=f"c{customer}@example.com",
        order=order,
        line=str(number),
        refund=f"r{order}",
        product=ProductRef(f"p{pick.randrange(60)}", category=f"a/b{pick.randrange(6)}"),
        quantity=pick.randrange(1, 5),
        value_minor=pick.randrange(1, 10_000),
        currency="EUR",
    )


def _write(seed: int) -> IngestResult:
    mine = events(2000)
    random.Random(seed).shuffle(mine)
    total = IngestResult()
    try:
        for start in range(0, len(mine), 100):
            part = ingest(mine[start : start + 100], source="shop")
            total.inserted += part.inserted
            total.duplicates += part.duplicates
            total.rejected.update(part.rejected)
    finally:
        connection.close()
    return total


@pytest.mark.django_db(transaction=True)
def test_four_writers_of_the_same_events_store_each_once():
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(_write, range(4)))
    assert sum(result.inserted for result in results) == 2000
    assert sum(result.duplicates for result in results) == 6000
    assert not any(result.rejected for result in results)

    told = events(2000)
    lines = [event for event in told if event.type == EventType.ORDER_LINE]
    refunds = [event for event in told if event.type == EventType.ORDER_REFUNDED]
    assert Customer.objects.count() == len({event.customer for event in told})
    assert Order.objects.count() == len({event.order for event in lines})
    assert EventKey.objects.count() == Event.objects.count() == 2000 + Order.objects.count()
    assert Order.objects.aggregate(Sum("total_minor"))["total_minor__sum"] == sum(
        e.value_minor for e in lines
    )
    assert Refund.objects.aggregate(Sum("amount_minor"))["amount_minor__sum"] == sum(
        e.value_minor for e in refunds
    )
    sums = CustomerFacts.objects.aggregate(Sum("revenue_minor"), Sum("orders_count"), Sum("units_count"))
    assert sums["revenue_minor__sum"] == sum(event.value_minor for event in lines)
    assert sums["units_count__sum"] == sum(event.quantity for event in lines)
    assert sums["orders_count__sum"] == Order.objects.count()
    assert Touched.objects.count() == Customer.objects.count()
    assert facts_drift() == {}
