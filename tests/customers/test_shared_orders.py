"""An order that an event stream, a webhook and a nightly pull all tell is one order, in whatever order they come."""

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest

from customers.events_in import SharedOrders
from customers.facts import facts_drift
from customers.ingest import EventIn, ingest
from customers.models import CustomerFacts, Event, EventType, Order, OrderLine, Refund
from products.catalogue import ProductRef

pytestmark = pytest.mark.django_db
AT = datetime(2026, 3, 5, 12, tzinfo=UTC)
RANKS = {"stream": 10, "webhook": 20, "nightly": 30}


def line(source: str, sku: str, value: int, at: datetime = AT) -> EventIn:
    return EventIn(
        client_id=f"{source}-1001",
        line=f"{source}-{sku}",
        type=EventType.ORDER_LINE,
        occurred_at=at,
        namespace="shop",
        customer="7",
        order="1001",
        product=ProductRef(sku, category="camping"),
        quantity=1,
        value_minor=value,
        currency="EUR",
    )


def refund(source: str, value: int) -> EventIn:
    return EventIn(
        client_id=f"{source}-R1",
        type=EventType.ORDER_REFUNDED,
        occurred_at=AT + timedelta(days=2),
        namespace="shop",
        customer="7",
        order="1001",
        refund="R1",
        value_minor=value,
        currency="EUR",
    )


def placed(source: str, value: int) -> EventIn:
    return EventIn(
        client_id=f"{source}-placed",
        type=EventType.ORDER_PLACED,
        occurred_at=AT + timedelta(seconds=5),
        namespace="shop",
        customer="7",
        order="1001",
        value_minor=value,
        currency="EUR",
    )


TOLD = {
    "stream": [line("stream", "tent", 9900, AT - timedelta(minutes=2)), line("stream", "stove", 4000)],
    "webhook": [placed("webhook", 14_500), refund("webhook", 4000)],
    "nightly": [line("nightly", "tent", 9500), line("nightly", "mug", 700), refund("nightly", 3900)],
}


def tell(source: str) -> None:
    shared = SharedOrders("shop", RANKS[source])
    ingest([product_of(sku) for sku in ("tent", "stove", "mug")], source=source)
    ingest(TOLD[source], source=source, orders=shared)


def product_of(sku: str) -> EventIn:
    """Products of one shared catalogue would be resolved in it; here each source has its own."""
    return EventIn(
        client_id=f"look {sku}",
        type=EventType.EMAIL_BOUNCED,
        occurred_at=AT,
        namespace="shop",
        customer="0",
        product=ProductRef(sku, category="camping"),
    )


def what_is_known() -> dict[str, object]:
    order = Order.objects.values_list("total_minor", "refunded_minor", "placed_at", "told_by").get()
    lines = OrderLine.objects.order_by("line").values_list("product__external_id", "total_minor")
    facts = CustomerFacts.objects.filter(orders_count__gt=0).values_list(
        "orders_count", "revenue_minor", "refunded_minor", "refunds_count", "units_count", "last_purchase_at"
    )
    bought = Event.objects.filter(type=EventType.ORDER_LINE).order_by("value_minor")
    placed = Event.objects.filter(type=EventType.ORDER_PLACED).values_list("value_minor", "occurred_at")
    return {
        "order": order,
        "lines": list(lines),
        "facts": list(facts),
        "bought": list(bought.values_list("source", "value_minor")),
        "placed": list(placed),
        "refund": Refund.objects.values_list("amount_minor", "told_by", "order__external_id").get(),
    }


@pytest.mark.parametrize("arrival", list(permutations(TOLD)), ids="-".join)
def test_three_sources_make_one_order_whatever_comes_first(arrival):
    for source in arrival:
        tell(source)
    assert what_is_known() == {
        "order": (10_200, 3900, AT, "nightly"),
        "lines": [("mug", 700), ("tent", 9500)],
        "facts": [(1, 10_200, 3900, 1, 2, AT)],
        "bought": [("nightly", 700), ("nightly", 9500)],
        "placed": [(10_200, AT)],
        "refund": (3900, "nightly", "1001"),
    }
    assert facts_drift() == {}
    for source in arrival:
        tell(source)
    assert Order.objects.get().total_minor == 10_200
    assert facts_drift() == {}


def test_lines_of_a_lower_rank_beat_a_total_of_a_higher_one():
    for source in ("webhook", "stream"):
        tell(source)
    assert Order.objects.values_list("total_minor", "told_by").get() == (13_900, "stream")
    assert Refund.objects.values_list("amount_minor", "told_by").get() == (4000, "webhook")


def test_a_source_that_names_another_currency_is_refused_and_takes_nothing_over():
    tell("stream")
    other = line("nightly", "tent", 9500)
    other.currency = "GBP"
    result = ingest([other], source="nightly", orders=SharedOrders("shop", 30))
    assert result.rejected == {"currency_differs_from_order": 1}
    assert Order.objects.values_list("total_minor", "told_by").get() == (13_900, "stream")


def test_what_an_outranked_source_tells_later_counts_as_known():
    for source in ("nightly", "stream"):
        tell(source)
    late = line("stream", "pan", 2500)
    result = ingest([late], source="stream", orders=SharedOrders("shop", 10))
    assert (result.inserted, result.duplicates) == (0, 1)
    assert Order.objects.get().total_minor == 10_200


def test_without_a_shared_namespace_the_same_id_of_two_sources_is_two_orders():
    for source in ("stream", "nightly"):
        ingest(TOLD[source], source=source)
    assert Order.objects.count() == 2


def test_a_refund_that_came_before_its_order_is_linked_when_the_order_comes():
    ingest([refund("stream", 300)], source="stream")
    assert Refund.objects.get().order is None
    ingest(TOLD["stream"], source="stream")
    assert Refund.objects.get().order == Order.objects.get()
    assert Order.objects.get().refunded_minor == 300
    assert facts_drift() == {}


def test_a_refund_that_named_no_order_is_linked_by_the_message_that_does():
    first, second = refund("a", 300), refund("b", 200)
    first.order = ""
    ingest([*TOLD["stream"], first], source="stream")
    assert Order.objects.get().refunded_minor == 0
    ingest([second], source="stream")
    assert (Refund.objects.get().amount_minor, Order.objects.get().refunded_minor) == (500, 500)
