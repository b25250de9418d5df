"""Orders and refunds of the Segment e-commerce protocol: one order is one order, and the sums are the shop's."""

from typing import Any

import pytest

from customers.facts import facts_drift
from customers.models import CustomerFacts, Event, EventType, Order, OrderLine, Refund
from tests.customers.tracking import NOW, Tracker, track

PRODUCTS = [
    {"product_id": "B1", "name": "Boot", "category": "Shoes", "price": 100, "quantity": 2},
    {"sku": "S9", "name": "Sock", "price": "9.90"},
]


@pytest.fixture(autouse=True)
def _at_noon(time_machine: Any) -> None:
    time_machine.move_to(NOW, tick=False)


def completed(**properties: Any) -> dict[str, Any]:
    said = {"order_id": "o1", "currency": "EUR", "products": PRODUCTS, "coupon": "SPRING", **properties}
    return track("Order Completed", properties=said)


def refunded(**properties: Any) -> dict[str, Any]:
    return track("Order Refunded", messageId="r", properties={"order_id": "o1", **properties})


def lines() -> list[tuple[str, int, int]]:
    return sorted(OrderLine.objects.values_list("line", "quantity", "total_minor"))


def test_a_completed_order_has_a_line_for_each_product(tracker: Tracker) -> None:
    assert tracker.batch(completed()).json()["stored"] == 3
    order = Order.objects.get()
    assert (order.source, order.external_id, order.total_minor, order.currency) == (
        "webshop",
        "o1",
        20_990,
        "EUR",
    )
    assert lines() == [("B1", 2, 20_000), ("S9", 1, 990)]
    placed = Event.objects.get(type=EventType.ORDER_PLACED)
    assert (placed.value_minor, placed.properties) == (20_990, {"coupon": "SPRING"})
    facts = CustomerFacts.objects.get()
    assert (facts.orders_count, facts.revenue_minor, facts.units_count) == (1, 20_990, 3)


@pytest.mark.parametrize(
    ("said", "total", "rest"),
    [
        ({"total": 214.85}, 21_485, 495),
        ({"total": 200}, 20_000, -990),
        ({"total": 209.9}, 20_990, None),
        ({"value": 210}, 21_000, 10),
        ({"revenue": 209.9, "shipping": 4.95, "tax": 1}, 21_585, 595),
    ],
)
def test_the_total_is_what_the_shop_says(
    tracker: Tracker, said: dict[str, float], total: int, rest: int | None
) -> None:
    tracker.batch(completed(**said))
    assert Order.objects.get().total_minor == total
    assert [line[2] for line in lines() if line[0] == ":rest"] == ([] if rest is None else [rest])


def test_an_order_without_products_is_worth_its_total(tracker: Tracker) -> None:
    tracker.batch(completed(products=None, total=50))
    assert Order.objects.get().total_minor == 5000
    assert CustomerFacts.objects.get().revenue_minor == 5000


def test_an_order_told_by_two_messages_is_one_order(tracker: Tracker) -> None:
    tracker.batch(completed())
    again = {**completed(), "messageId": "from the server"}
    assert tracker.batch(again).json()["duplicates"] == 3
    assert (Order.objects.count(), OrderLine.objects.count(), Event.objects.count()) == (1, 2, 3)
    assert facts_drift() == {}


def test_the_same_product_twice_is_two_lines(tracker: Tracker) -> None:
    tracker.batch(completed(products=[PRODUCTS[0], PRODUCTS[0]]))
    assert lines() == [("B1", 2, 20_000), ("B1#2", 2, 20_000)]


def test_a_refund_lowers_what_the_order_earned(tracker: Tracker) -> None:
    tracker.batch(completed())
    tracker.batch(refunded(total=50))
    order, refund = Order.objects.get(), Refund.objects.get()
    assert (refund.order_id, refund.amount_minor, order.refunded_minor) == (order.pk, 5000, 5000)
    assert CustomerFacts.objects.get().refunded_minor == 5000


def test_a_refund_that_names_only_its_order_gives_back_what_is_left(tracker: Tracker) -> None:
    tracker.batch(completed())
    tracker.batch(refunded(total=50, refund_id="first"))
    assert tracker.batch(refunded()).status_code == 200
    assert Order.objects.get().refunded_minor == 20_990


def test_a_refund_with_an_id_counts_once_whatever_message_tells_it(tracker: Tracker) -> None:
    tracker.batch(completed())
    for message in ("one", "two"):
        tracker.batch({**refunded(total=50, refund_id="r1"), "messageId": message})
    assert Refund.objects.get().amount_minor == 5000


def test_a_refund_without_an_order_must_say_how_much(tracker: Tracker) -> None:
    reply = tracker.batch(refunded(order_id=""))
    assert (reply.status_code, reply.json()["errors"][0]["reason"]) == (400, "missing_amount")
    assert not Refund.objects.exists()


@pytest.mark.parametrize(
    ("properties", "field", "reason"),
    [
        ({"order_id": None}, "properties.order_id", "missing_order"),
        ({"order_id": "x" * 201}, "properties.order_id", "too_long"),
        ({"products": "boots"}, "properties.products", "wrong_type"),
        ({"products": [1]}, "properties.products[0]", "wrong_type"),
        ({"products": [PRODUCTS[0], {"name": "?"}]}, "properties.products[1].product_id", "bad_product_id"),
        ({"products": [{"sku": "a", "price": "cheap"}]}, "properties.products[0].price", "not_an_amount"),
        ({"products": [{"sku": "a", "quantity": 1.5}]}, "properties.products[0].quantity", "not_whole"),
        ({"products": [{"sku": "a", "price": 1, "quantity": 2**40}]}, "properties", "number_out_of_range"),
        ({"products": [{"sku": str(n)} for n in range(501)]}, "properties.products", "too_many_products"),
        ({"total": True}, "properties.total", "not_an_amount"),
        ({"currency": "€"}, "properties.currency", "bad_currency"),
    ],
)
def test_a_bad_order_is_refused_whole_and_names_the_field(
    tracker: Tracker, properties: dict[str, Any], field: str, reason: str
) -> None:
    reply = tracker.batch(completed(**properties), track(messageId="good"))
    assert reply.status_code == 200
    assert [(e["index"], e["messageId"], e["field"], e["reason"]) for e in reply.json()["refused"]] == [
        (0, "m1", field, reason)
    ]
    assert (Order.objects.count(), Event.objects.get().type) == (0, EventType.PRODUCT_VIEWED)


def test_an_order_in_another_currency_than_before_is_refused(tracker: Tracker) -> None:
    tracker.batch(completed())
    more = completed(currency="USD", products=[{"sku": "new", "price": 1}])
    reply = tracker.batch({**more, "messageId": "m2"})
    assert reply.status_code == 400
    assert reply.json()["errors"][0]["field"] == "properties.currency"
    assert Order.objects.get().total_minor == 20_990
