"""Sums of money are in the reporting currency, by rates of the day; what has no rate is in no sum, and is shown."""

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.urls import reverse

from customers import rates, tasks
from customers.facts import facts_drift, rebuild_facts
from customers.ingest import EventIn, ingest
from customers.models import CustomerFacts, DataSource, EventType, ExchangeRate, Order, Touched
from customers.quality.figures import compute_figures, without_rate_in_words
from customers.rates import BadRates, read_rates, refresh_sums, store_rates, without_rate

pytestmark = pytest.mark.django_db
DAY = date(2026, 3, 5)
AT = datetime(2026, 3, 5, 23, 59, tzinfo=UTC)


def bought(order: str, value: int, currency: str, at: datetime = AT) -> EventIn:
    return EventIn(
        client_id=order,
        type=EventType.ORDER_LINE,
        occurred_at=at,
        customer="ada",
        order=order,
        line="1",
        value_minor=value,
        currency=currency,
    )


def returned(order: str, value: int, currency: str) -> EventIn:
    event = bought(order, value, currency, AT + timedelta(days=20))
    event.type, event.refund, event.client_id = EventType.ORDER_REFUNDED, f"R{order}", f"r{order}"
    return event


def rate(currency: str, value: str, day: date = DAY) -> ExchangeRate:
    return ExchangeRate(currency=currency, day=day, rate=Decimal(value))


def revenue() -> tuple[int, int, int]:
    return CustomerFacts.objects.values_list("orders_count", "revenue_minor", "refunded_minor").get()


@pytest.mark.parametrize(
    ("value", "currency", "worth"),
    [(1000, "EUR", 1000), (1000, "USD", 925), (1000, "JPY", 615), (1000, "KWD", 300), (1, "USD", 1)],
)
def test_amounts_are_converted_between_their_minor_units(value: int, currency: str, worth: int) -> None:
    store_rates([rate("USD", "0.925"), rate("JPY", "0.00615"), rate("KWD", "3")])
    ingest([bought("1", value, currency)], source="shop")
    assert revenue() == (1, worth, 0)
    assert (Order.objects.get().total_minor, Order.objects.get().currency) == (value, currency)


@pytest.mark.parametrize(
    ("days_before", "worth"), [(0, 2000), (1, 2000), (31, 2000), (32, 0), (-1, 0)], ids=str
)
def test_the_newest_rate_of_the_31_days_before_counts(days_before: int, worth: int) -> None:
    day = DAY - timedelta(days=days_before)
    store_rates([rate("USD", "9", day - timedelta(days=60)), rate("USD", "2", day)])
    ingest([bought("1", 1000, "USD")], source="shop")
    assert revenue() == (1, worth, 0)


def test_a_refund_counts_at_the_rate_of_its_purchase() -> None:
    store_rates([rate("USD", "2"), rate("USD", "3", DAY + timedelta(days=10))])
    ingest([bought("1", 1000, "USD"), returned("1", 1000, "USD")], source="shop")
    assert revenue() == (1, 2000, 2000)


def test_without_a_rate_money_is_in_no_sum_and_is_shown_on_data_health(admin_client: Any) -> None:
    DataSource.objects.create(name="shop")
    ingest([bought("1", 1000, "EUR"), bought("2", 700, "USD"), returned("2", 700, "USD")], source="shop")
    assert revenue() == (2, 1000, 0)
    assert without_rate() == {"USD": 2}
    assert "2 in USD" in without_rate_in_words(compute_figures())
    assert "2 in USD" in admin_client.get(reverse("customers:data")).content.decode()
    store_rates([rate("USD", "1")])
    assert without_rate_in_words(compute_figures()) == ""
    assert "exchange rate" not in admin_client.get(reverse("customers:data")).content.decode()


def test_rates_that_come_later_change_the_sums_and_tell_the_listeners() -> None:
    ingest([bought("1", 1000, "USD"), returned("1", 400, "USD")], source="shop")
    Touched.objects.all().delete()
    assert store_rates([rate("USD", "2")]) == 1
    assert revenue() == (1, 2000, 800)
    assert Touched.objects.exists()
    assert facts_drift() == {}
    rebuild_facts()
    assert revenue() == (1, 2000, 800)
    store_rates([rate("USD", "3")])
    assert revenue() == (1, 3000, 1200)


def test_rates_that_are_known_and_sums_that_stay_are_no_news() -> None:
    store_rates([rate("USD", "2"), rate("GBP", "3", DAY - timedelta(days=5))])
    ingest([bought("1", 1000, "USD"), bought("2", 1000, "GBP")], source="shop")
    Touched.objects.all().delete()
    facts = CustomerFacts.objects.get()
    facts.refunded_minor = 77
    facts.save(update_fields=["refunded_minor"])
    assert store_rates([rate("USD", "2.0"), rate("GBP", "3", DAY - timedelta(days=5))]) == 0
    assert revenue() == (2, 5000, 77)
    facts.refunded_minor = 0
    facts.save(update_fields=["refunded_minor"])
    assert store_rates([rate("GBP", "4", DAY - timedelta(days=9))]) == 0
    assert not Touched.objects.exists()


def test_an_import_that_broke_off_goes_on_when_the_same_rates_are_read_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ingest([bought("1", 1000, "USD")], source="shop")
    with monkeypatch.context() as patch:
        patch.setattr(rates, "touch", lambda ids: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            store_rates([rate("USD", "0.925")])
    assert (ExchangeRate.objects.get().is_summed, revenue()) == (False, (1, 0, 0))
    assert store_rates([rate("USD", "0.925")]) == 1
    assert (ExchangeRate.objects.get().is_summed, revenue()) == (True, (1, 925, 0))
    assert store_rates([rate("USD", "0.925")]) == 0


def test_only_those_who_bought_since_then_are_summed_anew() -> None:
    ingest([bought("1", 1000, "USD")], source="shop")
    assert refresh_sums(["USD"], since=DAY + timedelta(days=1)) == 0
    assert refresh_sums(["GBP"], since=DAY) == 0


def test_an_amount_that_no_sum_could_hold_counts_as_without_rate() -> None:
    store_rates([rate("KWD", "10000")])
    ingest([bought("1", 2**43, "KWD")], source="shop")
    assert (revenue(), without_rate()) == ((1, 0, 0), {"KWD": 1})


def test_the_command_stores_a_file(tmp_path: Path, capsys: Any) -> None:
    ingest([bought("1", 1000, "USD")], source="shop")
    file = tmp_path / "rates.csv"
    file.write_text(
        "\ufeffdate,currency,rate,note\n2026-03-05,usd, 0.9250 ,x\n2026-03-06,GBP,1.2,\n", encoding="utf-8"
    )
    call_command("import_rates", str(file))
    assert "2 rates stored; the sums of 1 customers" in capsys.readouterr().out
    assert revenue() == (1, 925, 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "Line 1: there is no column date"),
        ("date,currency\n", "Line 1: there is no column rate"),
        ("date,currency,rate\n2026-02-30,USD,1\n", "Line 2, date: "),
        ("date,currency,rate\n2026-02-03,US,1\n", "Line 2, currency: "),
        ("date,currency,rate\n2026-02-03,USD,1\n2026-02-04,USD,0\n", "Line 3, rate: "),
        ("date,currency,rate\n2026-02-03,USD,10001\n", "Line 2, rate: "),
        ("date,currency,rate\n2026-02-03,USD,NaN\n", "Line 2, rate: "),
        ("date,currency,rate\n2026-02-03,USD\n", "Line 2, rate: "),
        ("date,currency,rate\n2026-02-03,EUR,1\n", "Line 2, currency: EUR is the reporting currency."),
        ("date,currency,rate\n2026-02-03,USD,1\n2026-02-03,USD,2\n", "Line 3: USD has another rate"),
        ('date,currency,rate\n"2026-02-03,USD,1\n', "Line 2: unexpected end"),
    ],
)
def test_a_file_that_makes_no_sense_is_refused_whole_and_names_the_line(
    text: str, said: str, tmp_path: Path
) -> None:
    with pytest.raises(BadRates, match=f"^{said}"):
        read_rates(text.splitlines(keepends=True))
    file = tmp_path / "rates.csv"
    file.write_text(text)
    with pytest.raises(CommandError) as refused:
        call_command("import_rates", str(file))
    assert refused.value.returncode == 2
    assert not ExchangeRate.objects.exists()


def test_a_rate_entered_and_deleted_in_the_admin_changes_the_sums_by_a_worker(
    admin_client: Any, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    ingest([bought("1", 1000, "USD")], source="shop")
    monkeypatch.setattr("customers.tasks.refresh_sums.delay", tasks.refresh_sums)
    form = {"day": "2026-03-01", "currency": "USD", "rate": "2"}
    with django_capture_on_commit_callbacks(execute=True):
        assert admin_client.post(reverse("admin:customers_exchangerate_add"), form).status_code == 302
        assert revenue() == (1, 0, 0)
    assert revenue() == (1, 2000, 0)
    one = ExchangeRate.objects.get()
    with django_capture_on_commit_callbacks(execute=True):
        admin_client.post(reverse("admin:customers_exchangerate_delete", args=[one.pk]), {"post": "yes"})
    assert revenue() == (1, 0, 0)
