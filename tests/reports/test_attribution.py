"""Each order has one whole to give away, by the workspace's rule, to the last cent."""

from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.conf import settings

from customers.models import Customer, ExchangeRate
from delivery.models import Message
from reports.models import Attribution, ReportSettings
from reports.models.facts import ORDER_PARTS
from reports.refreshing import ask_for_attribution_anew, refresh
from tests.reports.mailing import DAY, HOUR, START, buyers, dispatch, hit, mail, order

pytestmark = pytest.mark.django_db
CURRENCY = settings.REPORTING_CURRENCY
Shares = list[tuple[int, int, int]]


@pytest.fixture
def reader() -> Customer:
    [customer] = buyers(1)
    return customer


@pytest.fixture
def mails(reader: Customer) -> list[Message]:
    """Three mails of three campaigns, an hour apart."""
    return [mail(reader, dispatch(f"Mail {n}"), at=START + n * HOUR) for n in range(3)]


def shares(**rule: object) -> Shares:
    """(message, millionths, revenue) by the rule, after a refresh."""
    ReportSettings.objects.update_or_create(pk=ReportSettings.ONLY, defaults=rule)
    ask_for_attribution_anew()
    refresh()
    return list(
        Attribution.objects.order_by("message").values_list("message", "order_parts", "revenue_minor")
    )


def test_the_last_click_gets_the_whole_order(reader: Customer, mails: list[Message]) -> None:
    hit(mails[0], "clicked", START + DAY)
    hit(mails[1], "clicked", START + 2 * DAY)
    hit(mails[2], "opened", START + 3 * DAY)
    order(reader, START + 4 * DAY, 1_000, refunded=250, currency=CURRENCY)
    assert shares() == [(mails[1].pk, ORDER_PARTS, 750)]


def test_the_last_touch_may_be_an_opening_within_its_own_window(
    reader: Customer, mails: list[Message]
) -> None:
    hit(mails[1], "clicked", START + 2 * DAY)
    hit(mails[2], "opened", START + 3 * DAY)
    placed = order(reader, START + 4 * DAY - timedelta(seconds=1), currency=CURRENCY)
    assert shares(rule="last_touch") == [(mails[2].pk, ORDER_PARTS, 1_000)]
    placed.placed_at = START + 4 * DAY
    placed.save(update_fields=["placed_at"])
    assert shares(rule="last_touch") == [(mails[1].pk, ORDER_PARTS, 1_000)]


@pytest.mark.parametrize("net", [1_000, 1, 0, -2, 99_999])
def test_linear_shares_add_up_to_the_last_cent(reader: Customer, mails: list[Message], net: int) -> None:
    for number, message in enumerate([mails[0], mails[1], mails[1], mails[2]]):
        hit(message, "clicked", START + DAY + number * HOUR)
    hit(mails[2], "clicked", START + DAY, is_machine=True)
    order(reader, START + 2 * DAY, 5_000, refunded=5_000 - net, currency=CURRENCY)
    found = shares(rule="linear")
    assert [parts for _, parts, _ in found] == [250_000, 500_000, 250_000]
    assert sum(minor for _, _, minor in found) == net
    if net == 1_000:
        assert [minor for _, _, minor in found] == [250, 500, 250]


def test_thirds_lose_nothing(reader: Customer, mails: list[Message]) -> None:
    for number, message in enumerate(mails):
        hit(message, "clicked", START + DAY + number * HOUR)
    order(reader, START + 2 * DAY, 100, currency=CURRENCY)
    found = shares(rule="linear")
    assert [minor for _, _, minor in found] == [33, 33, 34]
    assert sum(parts for _, parts, _ in found) == ORDER_PARTS


def test_the_window_is_open_at_its_beginning(reader: Customer, mails: list[Message]) -> None:
    hit(mails[0], "clicked", START)
    order(reader, START + 7 * DAY, currency=CURRENCY)
    assert shares() == []
    assert shares(click_window_days=8) == [(mails[0].pk, ORDER_PARTS, 1_000)]


def test_machines_and_tests_and_later_clicks_attribute_nothing(
    reader: Customer, mails: list[Message]
) -> None:
    hit(mails[0], "clicked", START + HOUR, is_machine=True)
    hit(mail(reader, dispatch("Test", kind="test")), "clicked", START + HOUR)
    hit(mails[1], "clicked", START + DAY + timedelta(seconds=1))
    order(reader, START + DAY, currency=CURRENCY)
    assert shares() == []


def test_another_currency_is_converted_by_the_rate_of_the_orders_day(
    reader: Customer, mails: list[Message]
) -> None:
    ExchangeRate.objects.create(currency="JPY", day=date(2026, 5, 1), rate=Decimal("0.006"))
    hit(mails[0], "clicked", START + HOUR)
    order(reader, START + DAY, 10_000, refunded=5_000, currency="JPY")
    order(reader, START + DAY, 10_000, currency="CHF")
    assert [minor for _, _, minor in shares()] == [3_000, 0]


def test_a_new_rate_changes_what_was_attributed(reader: Customer, mails: list[Message]) -> None:
    hit(mails[0], "clicked", START + HOUR)
    order(reader, START + DAY, 10_000, currency="JPY")
    assert [minor for _, _, minor in shares()] == [0]
    ExchangeRate.objects.create(currency="JPY", day=date(2026, 5, 5), rate=Decimal("0.006"))
    refresh()
    assert Attribution.objects.get().revenue_minor == 6_000
