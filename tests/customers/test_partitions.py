"""Months for the last three years, years before, never overlapping, whatever was there."""

from datetime import UTC, datetime

import pytest
import time_machine

from customers.partitions import Span, ensure_partitions, existing_spans

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("no_partitions")]
NOW = datetime(2026, 3, 15, tzinfo=UTC)


@pytest.fixture
def no_partitions(db):
    from django.db import connection

    with connection.cursor() as cursor:
        for span in existing_spans():
            cursor.execute(f"DROP TABLE {span.table}")


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@time_machine.travel(NOW, tick=False)
def test_it_makes_months_for_recent_times_and_does_it_once():
    assert ensure_partitions(day("2026-01-31"), day("2026-03-01")) == [
        "customers_event_20260101_20260201",
        "customers_event_20260201_20260301",
        "customers_event_20260301_20260401",
    ]
    assert ensure_partitions(day("2026-01-01"), day("2026-03-31")) == []


@time_machine.travel(NOW, tick=False)
def test_it_makes_years_before_the_last_36_months():
    ensure_partitions(day("2021-12-31"), day("2023-03-01"))
    assert existing_spans() == [
        Span(day("2021-01-01"), day("2022-01-01")),
        Span(day("2022-01-01"), day("2023-01-01")),
        Span(day("2023-01-01"), day("2023-03-01")),
        Span(day("2023-03-01"), day("2023-04-01")),
    ]


def test_a_year_made_later_leaves_the_months_that_were_made_when_they_were_recent():
    with time_machine.travel(NOW, tick=False):
        ensure_partitions(day("2025-05-05"), day("2025-05-05"))
    with time_machine.travel(day("2031-01-01"), tick=False):
        ensure_partitions(day("2025-01-05"), day("2025-12-05"))
    assert existing_spans() == [
        Span(day("2025-01-01"), day("2025-05-01")),
        Span(day("2025-05-01"), day("2025-06-01")),
        Span(day("2025-06-01"), day("2026-01-01")),
    ]
