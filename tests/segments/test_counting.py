import threading
from datetime import timedelta

import pytest
from django.db import connection

from common.clock import now
from customers.models import Customer
from segments import counting
from segments.conditions import parse
from segments.counting import count_audience, wilson

BRITISH = {"attribute": "country", "value": "GB"}


@pytest.mark.django_db
def test_a_small_base_is_counted_exactly():
    for country in ("GB", "GB", "DE"):
        Customer.objects.create(country=country)
    found = count_audience(parse(BRITISH), now=now())
    assert found is not None
    assert (found.fitting, found.customers, found.sampled) == (2, 3, 0)


@pytest.mark.django_db
def test_a_big_base_is_estimated_with_its_interval(monkeypatch):
    monkeypatch.setattr(counting, "EXACT_UP_TO", 100)
    countries = ["GB", "DE", "DE", "DE"] * 500
    Customer.objects.bulk_create(Customer(country=country) for country in countries)
    Customer.objects.bulk_create(Customer(country="GB", is_anonymous=True) for _ in range(500))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE customers_customer")
    found = count_audience(parse(BRITISH), now=now())
    assert found is not None
    assert 1500 < found.sampled <= 2000
    assert abs(found.customers - 2000) < 50
    assert found.low <= found.fitting <= found.high
    assert 0.2 < found.share < 0.3
    assert len(found.examples) == 6


@pytest.mark.parametrize(
    ("hits", "drawn", "low", "high"),
    [(0, 0, 0.0, 1.0), (0, 10, 0.0, 0.2775), (50, 100, 0.4038, 0.5962), (10, 10, 0.7225, 1.0)],
)
def test_the_interval_is_wilsons(hits, drawn, low, high):
    assert wilson(hits, drawn) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@pytest.mark.django_db(transaction=True)
def test_a_newer_count_of_the_same_editor_cancels_the_older_one(monkeypatch):
    Customer.objects.create(country="GB")
    started, ended = threading.Event(), []

    def slow(condition, at):
        with connection.cursor() as cursor:
            started.set()
            cursor.execute("SELECT pg_sleep(30)")

    def older():
        monkeypatch.setattr(counting, "_exact", slow)
        ended.append(count_audience(parse(BRITISH), now=now(), ticket="session:editor"))
        connection.close()

    exact = counting._exact
    thread = threading.Thread(target=older)
    monkeypatch.setattr(counting, "PATIENCE_MS", 25_000)
    thread.start()
    assert started.wait(10)
    monkeypatch.setattr(counting, "_exact", exact)
    for _ in range(100):
        found = count_audience(parse(BRITISH), now=now(), ticket="session:editor")
        thread.join(0.1)
        if not thread.is_alive():
            break
    assert ended == [None]
    assert found is not None and found.fitting == 1


@pytest.mark.django_db
def test_a_count_that_takes_too_long_is_given_up(monkeypatch):
    monkeypatch.setattr(counting, "PATIENCE_MS", 1)
    Customer.objects.bulk_create(Customer(country="GB", city=f"c{n}") for n in range(500))
    many = {"any": [{"attribute": "city", "op": "contains", "value": f"x{n}"} for n in range(150)]}
    assert count_audience(parse(many), now=now() + timedelta(days=1)) is None
