"""A shop with enough customers to predict: they come, buy at a pace of their own, and some leave."""

from datetime import timedelta

import numpy as np
import pytest

from customers.models import Customer, Order
from tests.recommendations.conftest import NOW

DAYS = 400


@pytest.fixture
def buyers(db: None) -> list[Customer]:
    """700 customers; each buys every 15 to 90 days until they leave."""
    rng = np.random.default_rng(7)
    people = Customer.objects.bulk_create(Customer(email=f"b{n}@example.com") for n in range(700))
    orders = []
    for number, person in enumerate(people):
        pace, leaves = rng.uniform(15, 90), rng.exponential(300)
        first = rng.uniform(0, 250)
        days = first + np.concatenate([[0], np.cumsum(rng.exponential(pace, 30))])
        for at in days[(days < min(first + leaves, DAYS)) & (days < DAYS)]:
            orders.append(
                Order(
                    source="shop",
                    external_id=f"{number}-{at}",
                    customer=person,
                    placed_at=NOW - timedelta(days=DAYS - at),
                    currency="EUR",
                    total_minor=int(rng.gamma(3, 1000)) + 100,
                )
            )
    Order.objects.bulk_create(orders, batch_size=2000)
    return people
