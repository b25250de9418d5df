"""Customers who may be mailed, and a dispatch to queue their messages in."""

from collections.abc import Callable

import pytest

from customers.consent import grant
from customers.models import Customer
from delivery.models import Dispatch, Message, Sender


@pytest.fixture
def sender(db: None) -> Sender:
    return Sender.objects.create(
        name="Shop", from_name="The Shop", from_email="news@shop.example", rate_per_second=100_000
    )


@pytest.fixture
def dispatch(sender: Sender) -> Dispatch:
    return Dispatch.objects.create(name="Spring", sender=sender)


@pytest.fixture
def queue(dispatch: Dispatch) -> Callable[[int], list[Message]]:
    """Queue a message to each of so many new customers who consented."""

    def make(count: int) -> list[Message]:
        start = Customer.objects.count()
        people = Customer.objects.bulk_create(
            Customer(email=f"c{start + i}@example.com") for i in range(count)
        )
        grant([one.pk for one in people], source="test")
        return Message.objects.bulk_create(Message(dispatch=dispatch, customer=one) for one in people)

    return make
