"""A refund that names no amount gives back what is left of its order, whatever comes first and however often."""

from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import pytest

from customers.facts import facts_drift
from customers.ingest import EventIn, SharedOrders, ingest
from customers.models import CustomerFacts, CustomerIdentity, Event, EventType, Order, Refund, Touched
from tests.customers.tracking import NOW, Tracker, track

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 5, 12, tzinfo=UTC)


def told(name: str, type: EventType, *, hours: int = 0, **said: Any) -> EventIn:
    said = {"customer": "ada", "order": "1", "currency": "EUR"} | said
    return EventIn(client_id=name, type=type, occurred_at=AT + timedelta(hours=hours), **said)


TOLD = {
    "first line": told("1", EventType.ORDER_LINE, line="a", value_minor=7000),
    "second line": told("1", EventType.ORDER_LINE, line="b", value_minor=3000),
    "partly": told("p", EventType.ORDER_REFUNDED, hours=1, refund="part", value_minor=2500),
    "wholly": told("w", EventType.ORDER_REFUNDED, hours=2, refund="rest", is_full_refund=True, currency=""),
}


def what_was_given_back() -> dict[str, Any]:
    events = Event.objects.filter(type=EventType.ORDER_REFUNDED).order_by("occurred_at")
    return {
        "order": Order.objects.values_list("total_minor", "refunded_minor").get(),
        "refunds": dict(Refund.objects.values_list("external_id", "amount_minor")),
        "events": list(events.values_list("value_minor", "currency")),
        "facts": CustomerFacts.objects.values_list("revenue_minor", "refunded_minor", "refunds_count").get(),
    }


@pytest.mark.parametrize("at_once", [True, False], ids=["in one batch", "one by one"])
@pytest.mark.parametrize("arrival", list(permutations(TOLD)), ids=", ".join)
def test_it_gives_back_the_rest_whatever_comes_first(arrival: tuple[str, ...], at_once: bool) -> None:
    events = [TOLD[name] for name in arrival]
    for batch in [events] if at_once else [[event] for event in events]:
        ingest(batch, source="shop")
        ingest(batch, source="shop")
    assert what_was_given_back() == {
        "order": (10_000, 10_000),
        "refunds": {"part": 2500, "rest": 7500},
        "events": [(2500, "EUR"), (7500, "EUR")],
        "facts": (10_000, 10_000, 2),
    }
    assert facts_drift() == {}


def test_whom_the_shop_pays_back_has_not_been_there() -> None:
    for batch in ([TOLD["first line"]], [TOLD["partly"], TOLD["wholly"]]):
        ingest(batch, source="shop")
    assert CustomerFacts.objects.get().last_seen_at == AT
    assert facts_drift() == {}


def test_whose_refund_is_worth_something_else_is_told_to_the_listeners() -> None:
    ingest(
        [
            TOLD["first line"],
            told("w", EventType.ORDER_REFUNDED, customer="bob", refund="r", is_full_refund=True),
        ],
        source="shop",
    )
    bob = CustomerIdentity.objects.get(value="bob").customer_id
    Touched.objects.all().delete()
    ingest([TOLD["second line"]], source="shop")
    assert CustomerFacts.objects.get(customer=bob).refunded_minor == 10_000
    assert bob in Touched.objects.values_list("customer_id", flat=True)


def test_of_two_of_one_order_the_earlier_has_all_and_the_other_nothing() -> None:
    again = told("w2", EventType.ORDER_REFUNDED, hours=3, refund="again", is_full_refund=True)
    ingest([TOLD["first line"], again, TOLD["wholly"]], source="shop")
    assert dict(Refund.objects.values_list("external_id", "amount_minor")) == {"rest": 7000, "again": 0}
    assert Order.objects.get().refunded_minor == 7000


def test_it_is_booked_for_whoever_got_it_also_when_the_order_grows_later() -> None:
    ingest([TOLD["first line"]], source="shop")
    other = told("w", EventType.ORDER_REFUNDED, refund="rest", is_full_refund=True, customer="bob")
    ingest([other], source="shop")
    ingest([TOLD["second line"]], source="shop")
    refunded = CustomerFacts.objects.order_by("customer__identities__value")
    assert list(refunded.values_list("refunded_minor", flat=True)) == [0, 10_000]
    assert facts_drift() == {}


def test_a_better_source_that_says_how_much_is_believed() -> None:
    ingest([TOLD["first line"], TOLD["wholly"]], source="stream", orders=SharedOrders("shop", 10))
    exact = told("e", EventType.ORDER_REFUNDED, refund="rest", value_minor=6500)
    ingest([exact], source="books", orders=SharedOrders("shop", 30))
    assert Refund.objects.values_list("amount_minor", "rest_key").get() == (6500, None)
    assert facts_drift() == {}


def test_without_an_order_it_is_refused() -> None:
    lost = told("w", EventType.ORDER_REFUNDED, refund="rest", is_full_refund=True, order="")
    assert ingest([lost], source="shop").rejected == {"missing_amount": 1}


def test_trackers_tell_it_in_one_batch_with_its_order(tracker: Tracker, time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)
    bought = {"order_id": "o1", "currency": "USD", "products": [{"sku": "boot", "price": 99}]}
    items = [
        track("Order Completed", properties=bought),
        track("Order Cancelled", messageId="c", properties={"order_id": "o1"}),
        track("Order Refunded", messageId="r", properties={"order_id": "o1"}),
    ]
    assert tracker.batch(*items).json()["refused"] == []
    tracker.batch(*items)
    assert Order.objects.values_list("total_minor", "refunded_minor").get() == (9900, 9900)
    assert sorted(Refund.objects.values_list("amount_minor", "currency")) == [(0, "USD"), (9900, "USD")]
