"""The figures of the home page."""

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from customers.models import Customer, Order
from reports import overview as page
from reports.overview import overview

pytestmark = pytest.mark.django_db
WEDNESDAY = datetime(2026, 5, 6, 12, tzinfo=UTC)


def order(number: int, at: datetime, *, currency: str = "GBP", total: int = 1_000) -> None:
    """An order of the first customer."""
    customer, _ = Customer.objects.get_or_create(email="anna@example.com")
    amounts = {"currency": currency, "total_minor": total}
    Order.objects.create(source="shop", external_id=f"o{number}", customer=customer, placed_at=at, **amounts)


def test_weeks_are_whole_and_those_without_an_order_are_there_too() -> None:
    monday = WEDNESDAY.replace(day=4, hour=0)
    first = monday - timedelta(weeks=25)
    for number, at in enumerate([WEDNESDAY, first, first - timedelta(seconds=1)]):
        order(number, at)
    shown = overview()
    values = shown.revenue_chart.series[0].values
    assert (values[0], values[-1], len(values), sum(values)) == (1_000, 1_000, 26, 2_000)
    assert (shown.revenue_chart.categories[0], shown.revenue_chart.categories[-1]) == (
        "10 Nov",
        "4 May (so far)",
    )
    assert shown.orders_in_window == 2


def test_orders_of_all_currencies_are_counted_and_revenue_is_of_one() -> None:
    for number in range(2):
        order(number, WEDNESDAY)
    order(2, WEDNESDAY, currency="EUR", total=9_000)
    shown = overview()
    assert (shown.orders_in_window, shown.currency, shown.revenue_in_window_minor) == (3, "GBP", 2_000)


@pytest.mark.parametrize("exact_up_to", [100_000, -2])
def test_visitors_without_a_name_are_no_customers(monkeypatch: pytest.MonkeyPatch, exact_up_to: int) -> None:
    Customer.objects.bulk_create(Customer(email=f"c{n}@example.com") for n in range(30))
    Customer.objects.bulk_create(Customer(is_anonymous=True) for _ in range(70))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE customers_customer")
    monkeypatch.setattr(page, "EXACT_UP_TO", exact_up_to)
    assert overview().customers == 30


def test_a_shop_without_orders_has_a_home_page() -> None:
    shown = overview()
    assert (shown.orders_in_window, shown.revenue_chart, shown.latest_order_at) == (0, None, None)
