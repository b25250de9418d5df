"""Events are stored once, and everything derived from them agrees."""

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from customers import staging
from customers.facts import facts_drift
from customers.ingest import EventIn, ingest
from customers.models import Customer, CustomerFacts, Event, EventKey, EventType, Order, Refund, Touched
from products.catalogue import ProductRef
from products.models import Product

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _pounds(settings: Any) -> None:
    settings.REPORTING_CURRENCY = "GBP"


AT = datetime(2026, 3, 5, 12, tzinfo=UTC)


def view(number: int = 1, **fields) -> EventIn:
    return EventIn(
        **{
            "client_id": f"v{number}",
            "type": EventType.PRODUCT_VIEWED,
            "occurred_at": AT,
            "customer": "7",
            "product": ProductRef("tent", "Tent", "camping/tents", 9900),
        }
        | fields
    )


def line(number: int, value: int = 500, order: str = "A1", **fields) -> EventIn:
    return EventIn(
        **{
            "client_id": order,
            "line": str(number),
            "type": EventType.ORDER_LINE,
            "occurred_at": AT,
            "customer": "7",
            "order": order,
            "product": ProductRef(f"p{number}", f"Product {number}", "camping"),
            "quantity": 2,
            "value_minor": value,
            "currency": "GBP",
        }
        | fields
    )


def test_a_retry_with_a_shifted_clock_is_stored_once():
    assert ingest([view()], source="shop").inserted == 1
    retry = ingest([view(occurred_at=AT + timedelta(hours=3))], source="shop")
    assert (retry.inserted, retry.duplicates) == (0, 1)
    assert Event.objects.get().occurred_at == AT
    assert CustomerFacts.objects.get().views_count == 1


def test_the_same_id_of_another_source_is_another_event():
    ingest([view()], source="shop")
    assert ingest([view()], source="app").inserted == 1
    assert EventKey.objects.count() == 2


def test_two_equal_events_of_one_batch_count_once():
    result = ingest([view(), view()], source="shop")
    assert (result.inserted, result.duplicates) == (1, 1)


def test_a_view_makes_customer_product_categories_facts_and_news():
    ingest([view(email=" Ann@EXAMPLE.com ")], source="shop")
    customer = Customer.objects.get()
    event = Event.objects.get()
    assert customer.email == "Ann@example.com"
    assert (event.customer_id, event.category_id) == (customer.pk, customer.facts.last_session_category_id)
    assert event.product_id == customer.facts.last_viewed_product_id
    assert Touched.objects.values_list("consumer", "customer_id").get() == ("segments", customer.pk)


def test_an_order_is_placed_once_however_its_lines_arrive():
    ingest([line(1), line(2, 700)], source="shop")
    ingest([line(2, 700), line(3, 1000, occurred_at=AT - timedelta(minutes=1))], source="shop")
    order = Order.objects.get()
    assert (order.total_minor, order.placed_at) == (2200, AT - timedelta(minutes=1))
    placed = Event.objects.get(type=EventType.ORDER_PLACED)
    assert (placed.value_minor, placed.order_id, placed.currency) == (2200, order.pk, "GBP")
    facts = CustomerFacts.objects.get()
    assert (facts.orders_count, facts.revenue_minor, facts.units_count) == (1, 2200, 6)
    assert facts.last_order_at == AT - timedelta(minutes=1)
    assert Event.objects.filter(type=EventType.ORDER_LINE).count() == 3


def placed(value: int) -> EventIn:
    return EventIn(
        client_id="x",
        type=EventType.ORDER_PLACED,
        occurred_at=AT,
        customer="7",
        order="A1",
        value_minor=value,
        currency="GBP",
    )


@pytest.mark.parametrize("lines_first", [True, False])
def test_what_lines_say_beats_what_the_order_says(lines_first):
    batches = [[line(1), line(2, 700)], [placed(9999)]]
    for batch in batches if lines_first else reversed(batches):
        ingest(batch, source="shop")
    assert Order.objects.get().total_minor == 1200
    assert Event.objects.get(type=EventType.ORDER_PLACED).value_minor == 1200
    assert CustomerFacts.objects.get().revenue_minor == 1200


def test_an_order_without_lines_is_worth_what_it_says():
    ingest([placed(9999)], source="shop")
    assert ingest([placed(9999)], source="shop").duplicates == 1
    assert CustomerFacts.objects.get().revenue_minor == 9999


def refund(number: int, value: int, **fields) -> EventIn:
    return EventIn(
        **{
            "client_id": "R1",
            "line": str(number),
            "type": EventType.ORDER_REFUNDED,
            "occurred_at": AT,
            "customer": "7",
            "refund": "R1",
            "value_minor": value,
            "currency": "GBP",
        }
        | fields
    )


def test_a_refund_adds_up_over_batches_and_retries():
    ingest([line(1, 5000)], source="shop")
    ingest([refund(1, 300, order="A1")], source="shop")
    ingest([refund(1, 300, order="A1"), refund(2, 200, order="A1")], source="shop")
    assert Refund.objects.get().amount_minor == 500
    assert Order.objects.get().refunded_minor == 500
    facts = CustomerFacts.objects.get()
    assert (facts.refunds_count, facts.refunded_minor, facts.revenue_minor) == (1, 500, 5000)


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (view(customer=""), "no_customer"),
        (view(email="nobody"), "bad_email"),
        (view(occurred_at=datetime(2026, 1, 1)), "time_without_zone"),
        (view(occurred_at=datetime(1980, 1, 1, tzinfo=UTC)), "before_1990"),
        (view(occurred_at=datetime(2999, 1, 1, tzinfo=UTC)), "in_the_future"),
        (view(customer_id=999999), "unknown_customer"),
        (view(customer="x" * 201), "customer_too_long"),
        (view(customer="a\0b"), "nul_character"),
        (view(currency="pounds"), "bad_currency"),
        (view(profile={"shoe_size": "9"}), "unknown_profile_field_shoe_size"),
        (line(1, line=""), "missing_order_or_line"),
        (line(1, value_minor=None), "missing_value"),
        (refund(1, -5), "refund_not_positive"),
        (view(type=77), "unknown_event_type"),
    ],
)
def test_what_cannot_be_stored_is_refused_with_its_reason(event, reason):
    result = ingest([event, view(2)], source="shop")
    assert result.rejected == {reason: 1}
    assert result.rejects == [(0, reason)]
    assert (result.inserted, Event.objects.count()) == (1, 1)


def test_a_line_in_another_currency_than_its_order_is_refused():
    ingest([line(1)], source="shop")
    assert ingest([line(2, currency="EUR")], source="shop").rejected == {"currency_differs_from_order": 1}
    assert Order.objects.get().total_minor == 500


def test_nothing_drifts():
    ingest([view(), line(1), line(2), refund(1, 300)], source="shop")
    assert facts_drift() == {}


def test_properties_are_stored_as_the_object_they_are():
    ingest([view(properties={"query": "a lantern", "n": [1]})], source="shop")
    assert Event.objects.get().properties == {"query": "a lantern", "n": [1]}


def test_properties_lose_nul_characters_and_nothing_else():
    ingest([view(properties={"a": "x\0\0y", "b": "\\u0000", "c": "\\\0"})], source="shop")
    assert Event.objects.get().properties == {"a": "xy", "b": "\\u0000", "c": "\\"}


@pytest.mark.parametrize("in_one_batch", [True, False])
def test_a_refund_in_another_currency_than_its_order_or_itself_is_refused(in_one_batch):
    events = [
        line(1, 5000),
        refund(1, 300, order="A1"),
        refund(2, 90_000, currency="JPY"),
        refund(1, 100, client_id="R2", refund="R2", order="A1", currency="JPY"),
    ]
    batches = [events] if in_one_batch else [[event] for event in events]
    rejected = Counter()
    for batch in batches:
        rejected += ingest(batch, source="shop").rejected
    assert rejected == {"currency_differs_from_order": 1, "currency_differs_from_refund": 1}
    assert Refund.objects.get().amount_minor == 300
    assert (Order.objects.get().refunded_minor, facts_drift()) == (300, {})


def test_a_refund_that_waits_is_not_linked_to_an_order_in_another_currency():
    ingest([refund(1, 90_000, order="A1", currency="JPY")], source="shop")
    ingest([line(1, 5000)], source="shop")
    assert Refund.objects.get().order is None
    assert Order.objects.get().refunded_minor == 0


def test_a_product_has_the_currency_of_its_own_row():
    ingest([line(1), line(2, order="B1", currency="USD")], source="shop")
    assert dict(Product.objects.values_list("external_id", "currency")) == {"p1": "GBP", "p2": "USD"}


def test_an_event_that_names_our_own_product_has_its_category():
    ingest([view()], source="shop")
    tent = Product.objects.get()
    ingest([view(2, product=None, product_id=tent.pk, customer="8")], source="shop")
    facts = CustomerFacts.objects.get(customer__identities__value="8")
    assert Event.objects.get(customer=facts.customer_id).category_id == tent.category_id
    assert facts.last_session_category_id == tent.category_id


def test_a_large_batch_stores_what_small_ones_store():
    session, said = "ä'\\\"\t{}", {"text": "q'uo\"te\\u0000\\", "nothing": None, "n": [1.5, -2]}
    odd = {"session": session, "properties": said, "currency": "JPY", "value_minor": -7, "order": "A9"}
    odd["occurred_at"] = AT + timedelta(microseconds=1)
    large = [view(n) for n in range(staging.FEW)]
    assert ingest([view(999, **odd)], source="few").inserted == 1
    assert ingest([*large, view(999, **odd)], source="many").inserted == staging.FEW + 1
    stored = Event.objects.filter(session=session).order_by("source")
    few, many = stored.values("occurred_at", "type", "quantity", "value_minor", "currency", "properties")
    assert few == many
    assert few["properties"] == said
    assert facts_drift() == {}
