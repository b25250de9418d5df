"""Experiments under way, with orders where the tests want them."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import count
from uuid import NAMESPACE_DNS, uuid5

from campaigns.launching import launch
from campaigns.models import Campaign
from customers.consent import grant
from customers.models import Customer, Order
from delivery.models import Message
from experiments.models import Experiment
from tests.campaigns.making import draft

DAY = timedelta(days=1)
_numbers = count()


def same_people(count: int) -> None:
    """So many customers who are the same in every run, and so in the same arms: chance breaks no test."""
    made = Customer.objects.bulk_create(
        Customer(public_id=uuid5(NAMESPACE_DNS, f"c{number}"), email=f"c{number}@example.com", country="GB")
        for number in range(count)
    )
    grant([one.pk for one in made], source="test")


def running(size: int = 200, *, no_mail: int = 0, sent: bool = True, **plan: object) -> Campaign:
    """A launched campaign of so many people; its experiment is planned like this, and its mails are sent."""
    same_people(size)
    campaign = draft(no_mail=no_mail)
    Experiment.objects.filter(pk=campaign.experiment_id).update(**plan)
    launch(campaign.pk)
    campaign = Campaign.objects.select_related("experiment", "dispatch").get(pk=campaign.pk)
    if sent:
        waiting = Message.objects.filter(dispatch_id=campaign.dispatch_id, state="queued")
        waiting.update(state="sent", sent_at=campaign.launched_at)
    return campaign


def members(campaign: Campaign, key: str) -> list[int]:
    """The customers of an arm."""
    found = campaign.recipients.filter(variant_key=key).order_by("customer_id")
    return list(found.values_list("customer_id", flat=True))


def orders(customers: Iterable[int], at: datetime, *, total: int = 2_000) -> list[Order]:
    """One order of each."""
    return Order.objects.bulk_create(
        Order(
            source="shop",
            external_id=f"r{next(_numbers)}",
            customer_id=one,
            placed_at=at,
            currency="GBP",
            total_minor=total,
        )
        for one in customers
    )


def bought(campaign: Campaign, a: int, b: int, *, after: timedelta = DAY) -> None:
    """So many of arm A and arm B order so long after the launch, those who come first."""
    assert campaign.launched_at is not None
    for key, number in (("a", a), ("b", b)):
        orders(members(campaign, key)[:number], campaign.launched_at + after)
