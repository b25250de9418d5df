"""The engagement score is its formula, and its percentile is shared by ties."""

from datetime import UTC, datetime, timedelta

import pytest

from customers.engagement import refresh_engagement
from customers.models import Customer, CustomerFacts, Score

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, tzinfo=UTC)


def customer(**facts) -> Customer:
    made = Customer.objects.create()
    CustomerFacts.objects.create(customer=made, **facts)
    return made


def test_it_is_the_formula():
    ann = customer(
        last_seen_at=NOW - timedelta(days=30),
        emails_sent_count=10,
        opens_count=4,
        clicks_count=2,
        orders_count=4,
    )
    refresh_engagement(NOW)
    assert ann.scores.get().value == pytest.approx(100 * (0.4 * 0.5 + 0.3 * 0.5 + 0.3 * 0.5))


def test_nobody_ever_seen_has_nothing():
    ann = customer()
    refresh_engagement(NOW)
    assert ann.scores.get().value == 0


def test_ties_share_the_higher_percentile():
    for days in (1, 5, 5, 9):
        customer(last_seen_at=NOW - timedelta(days=days))
    refresh_engagement(NOW)
    assert list(Score.objects.order_by("percentile").values_list("percentile", flat=True)) == [
        25,
        75,
        75,
        100,
    ]


def test_it_changes_nothing_when_nothing_changed():
    customer(last_seen_at=NOW)
    assert [refresh_engagement(NOW), refresh_engagement(NOW)] == [1, 0]


def test_who_objects_to_profiling_loses_the_score():
    ann = customer(last_seen_at=NOW)
    refresh_engagement(NOW)
    Customer.objects.update(allows_profiling=False)
    refresh_engagement(NOW)
    assert not ann.scores.exists()
