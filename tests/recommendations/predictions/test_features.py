"""Features are those of the cut-off, whatever comes later; outcomes are what came in the days after it."""

import uuid
from datetime import timedelta

import numpy as np
import pytest

from customers.models import Customer, Event, EventType, Order
from customers.partitions import ensure_partitions
from recommendations.predictions.features import LABELS, Known, read_features
from recommendations.predictions.purchases import read_purchases
from recommendations.predictions.targets import TARGETS, read_outcomes
from tests.recommendations.conftest import NOW, Shop, order, refund, view

pytestmark = pytest.mark.django_db
DAY = timedelta(days=1)


def happened(customer: Customer, type: EventType, days_ago: float) -> None:
    at = NOW - days_ago * DAY
    ensure_partitions(at, at)
    Event.objects.create(message_id=uuid.uuid4(), occurred_at=at, customer=customer, type=type, source="shop")


def of(known: Known, customer: Customer) -> dict[str, object]:
    """One customer's features."""
    row = int(np.flatnonzero(known.customers == customer.pk)[0])
    return {name: values[row].item() for name, values in known.table.columns.items()}


@pytest.fixture
def anna(small_shop: Shop) -> Customer:
    """Three orders, ten days apart, of three products' worth, with a view, mails and a click."""
    anna, (tent, stove, *_) = small_shop.customers[0], small_shop.products
    for days, product, quantity in ((25, tent, 1), (15, stove, 2), (5, tent, 3)):
        order(anna, product, NOW - days * DAY, quantity=quantity)
    view(anna, tent, NOW - 6 * DAY)
    for type, days in (("SENT", 9), ("SENT", 3), ("OPENED", 2), ("CLICKED", 1)):
        happened(anna, EventType[f"EMAIL_{type}"], days)
    return anna


def test_features_count_what_a_customer_did(anna: Customer) -> None:
    found = of(read_features(as_of=NOW), anna)
    expected = {
        "country": "GB",
        "orders": 3,
        "orders_30": 3,
        "since_order": 5,
        "since_order_before": 15,
        "since_first_order": 25,
        "gap": 10,
        "due": 0.5,
        "spent": 1000 + 2200 + 3000,
        "last_order_value": 3000,
        "order_value": pytest.approx(6200 / 3),
        "products": 2,
        "novelty": pytest.approx(2 / 3),
        "views_7": 1,
        "since_view": 6,
        "carts_30": 0,
        "mails_90": 2,
        "opens_90": 1,
        "clicks_90": 1,
        "since_click": 1,
    }
    assert {name: found[name] for name in expected} == expected
    assert found["gap_deviation"] == pytest.approx(0, abs=1e-9)
    assert set(found) == set(LABELS)


def test_the_future_changes_nothing(anna: Customer, small_shop: Shop) -> None:
    before = read_features(as_of=NOW)
    order(anna, small_shop.products[2], NOW, quantity=9)
    order(small_shop.customers[2], small_shop.products[2], NOW + DAY)
    refund(Order.objects.filter(placed_at__lt=NOW).first(), NOW)
    view(anna, small_shop.products[3], NOW + DAY)
    for type in (
        EventType.EMAIL_SENT,
        EventType.EMAIL_OPENED,
        EventType.EMAIL_CLICKED,
        EventType.PRODUCT_ADDED,
    ):
        happened(anna, type, -1)
    after = read_features(as_of=NOW)
    assert np.array_equal(before.customers, after.customers)
    for name, values in before.table.columns.items():
        np.testing.assert_array_equal(values, after.table.columns[name], err_msg=name)


def test_a_later_sign_up_tells_nothing(anna: Customer) -> None:
    days = []
    for signed_up_at in (NOW - 30 * DAY, NOW, NOW + DAY):
        Customer.objects.filter(pk=anna.pk).update(signed_up_at=signed_up_at)
        days.append(of(read_features(as_of=NOW), anna)["known_days"])
    assert (days[0], np.isnan(days[1]), np.isnan(days[2])) == (30, True, True)


def test_what_was_given_back_before_is_not_spent(anna: Customer) -> None:
    refund(Order.objects.order_by("-placed_at").first(), NOW - DAY, amount_minor=1000)
    found = of(read_features(as_of=NOW), anna)
    assert (found["spent"], found["refunds"]) == (5200, 1)
    assert read_purchases(until=NOW).amounts.tolist() == [1000, 2200, 2000]
    assert read_purchases(until=NOW - DAY).amounts.tolist() == [1000, 2200, 3000]


def test_orders_without_a_rate_count_in_no_sum(anna: Customer) -> None:
    Order.objects.filter(customer=anna).update(currency="USD")
    assert len(read_purchases(until=NOW).amounts) == 0
    found = of(read_features(as_of=NOW), anna)
    assert (found["orders"], found["spent"], np.isnan(found["order_value"])) == (3, 0, True)


def test_who_objects_or_is_nobody_known_has_no_features(anna: Customer, small_shop: Shop) -> None:
    order(small_shop.customers[1], small_shop.products[0], NOW - DAY)
    Customer.objects.filter(pk=anna.pk).update(allows_profiling=False)
    assert read_features(as_of=NOW).customers.tolist() == [small_shop.customers[1].pk]
    assert len(read_purchases(until=NOW).customers) == 1


def test_an_empty_shop_has_no_rows(db: None) -> None:
    known = read_features(as_of=NOW)
    assert (len(known.customers), len(known.table)) == (0, 0)


def test_churn_is_asked_of_recent_buyers_and_is_the_absence_of_an_order(
    anna: Customer, small_shop: Shop
) -> None:
    order(small_shop.customers[1], small_shop.products[0], NOW - 400 * DAY)
    known = read_features(as_of=NOW - 20 * DAY)
    churn = TARGETS["churn"]
    assert known.customers[churn.asked_of(known)].tolist() == [anna.pk]
    assert read_outcomes(churn, known, as_of=NOW - 20 * DAY).tolist() == [0, 1]


def test_outcomes_lie_in_the_days_from_the_cut_off_on(anna: Customer) -> None:
    known = read_features(as_of=NOW - 12 * DAY)
    week, month = TARGETS["propensity_7"], TARGETS["propensity"]
    assert read_outcomes(week, known, as_of=NOW - 12 * DAY).tolist() == [0]
    assert read_outcomes(week, known, as_of=NOW - 11.9 * DAY).tolist() == [1]
    assert read_outcomes(month, known, as_of=NOW - 12 * DAY).tolist() == [1]


def test_the_response_to_mail_is_asked_of_the_mailed(anna: Customer, small_shop: Shop) -> None:
    order(small_shop.customers[1], small_shop.products[0], NOW - DAY)
    known = read_features(as_of=NOW - 2 * DAY)
    response = TARGETS["email_response"]
    assert known.customers[response.asked_of(known)].tolist() == [anna.pk]
    assert read_outcomes(response, known, as_of=NOW - 2 * DAY).tolist() == [1]
