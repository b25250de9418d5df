"""Two batches that tell one order at the same moment, for different customers: the money of both is right."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from django.db import transaction

from customers.facts import facts_drift
from customers.ingest import EventIn, ingest
from customers.models import CustomerFacts, EventType, Order, Refund
from tests.customers.test_merging_concurrency import await_blocked, beside

pytestmark = pytest.mark.django_db(transaction=True)


def event(type: EventType, customer: str, value: int, **said: str) -> EventIn:
    return EventIn(
        client_id=f"{type} {customer}",
        type=type,
        occurred_at=datetime(2026, 3, 5, 12, tzinfo=UTC),
        customer=customer,
        value_minor=value,
        **said,
    )


def tell_beside(first: EventIn, second: EventIn) -> None:
    """Store the second while the transaction that stored the first is still open."""
    for one in (first, second):
        ingest([event(EventType.SEARCHED, one.customer, 0)], source="shop")
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            ingest([first], source="shop")
            telling = beside(pool, lambda: ingest([second], source="shop"))
            await_blocked(telling)
        assert telling.result().inserted == 1


def test_lines_of_one_order_told_by_two_customers_at_once_all_count_for_its_owner():
    tell_beside(
        event(EventType.ORDER_LINE, "ada", 1000, order="1", line="a"),
        event(EventType.ORDER_LINE, "bob", 500, order="1", line="b"),
    )
    assert Order.objects.get().total_minor == 1500
    revenue = CustomerFacts.objects.order_by("customer__identities__value")
    assert list(revenue.values_list("revenue_minor", flat=True)) == [1500, 0]
    assert facts_drift() == {}


def test_a_refund_told_by_two_customers_at_once_counts_for_its_owner():
    tell_beside(
        event(EventType.ORDER_REFUNDED, "ada", 1000, refund="1"),
        event(EventType.ORDER_REFUNDED, "bob", 500, refund="1"),
    )
    assert Refund.objects.get().amount_minor == 1500
    refunded = CustomerFacts.objects.order_by("customer__identities__value")
    assert list(refunded.values_list("refunded_minor", flat=True)) == [1500, 0]
    assert facts_drift() == {}
