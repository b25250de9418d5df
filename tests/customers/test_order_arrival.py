"""An order is the same order whether its lines or the word that it was placed come first."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from customers.facts import facts_drift
from customers.ingest import EventIn, ingest
from customers.models import CustomerFacts, Event, EventType, Order, OrderLine
from products.catalogue import ProductRef

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 31, 23, 59, tzinfo=UTC)


def told(name: str, type: EventType, *, minutes: int, **said: Any) -> EventIn:
    at = AT + timedelta(minutes=minutes)
    return EventIn(
        client_id=name, type=type, occurred_at=at, customer="ada", order="1", currency="EUR", **said
    )


TOLD = {
    "placed": told("p", EventType.ORDER_PLACED, minutes=5, value_minor=9900, properties={"coupon": "SPRING"}),
    "tent": told(
        "l", EventType.ORDER_LINE, minutes=2, line="a", value_minor=7000, product=ProductRef("tent")
    ),
    "stove": told(
        "l", EventType.ORDER_LINE, minutes=0, line="b", value_minor=3000, product=ProductRef("stove")
    ),
}


def what_was_placed() -> list[tuple[Any, ...]]:
    events = Event.objects.filter(type=EventType.ORDER_PLACED)
    return list(events.values_list("occurred_at", "value_minor", "properties"))


@pytest.mark.parametrize("arrival", list(permutations(TOLD)), ids=", ".join)
def test_whatever_comes_first_it_is_one_order_placed_once_at_its_earliest_time(
    arrival: tuple[str, ...],
) -> None:
    for name in [*arrival, *arrival]:
        ingest([TOLD[name]], source="shop")
    assert Order.objects.values_list("placed_at", "total_minor").get() == (AT, 10_000)
    assert sorted(OrderLine.objects.values_list("line", "total_minor")) == [("a", 7000), ("b", 3000)]
    assert what_was_placed() == [(AT, 10_000, {"coupon": "SPRING"})]
    facts = CustomerFacts.objects.get()
    assert (facts.orders_count, facts.revenue_minor, facts.first_order_at) == (1, 10_000, AT)
    assert facts.last_seen_at == AT + timedelta(minutes=2)
    assert facts_drift() == {}


def test_the_word_that_it_was_placed_may_come_later_with_an_earlier_time() -> None:
    ingest([TOLD["tent"]], source="shop")
    ingest([told("p", EventType.ORDER_PLACED, minutes=-3)], source="shop")
    placed_at = AT - timedelta(minutes=3)
    assert Order.objects.get().placed_at == placed_at
    assert what_was_placed() == [(placed_at, 7000, None)]
    assert CustomerFacts.objects.get().first_seen_at == placed_at
    assert facts_drift() == {}


def test_a_retry_with_another_clock_moves_nothing() -> None:
    ingest([TOLD["placed"]], source="shop")
    ingest([told("p", EventType.ORDER_PLACED, minutes=4, value_minor=9900)], source="shop")
    assert Order.objects.get().placed_at == AT + timedelta(minutes=5)
    assert [row[0] for row in what_was_placed()] == [AT + timedelta(minutes=5)]
