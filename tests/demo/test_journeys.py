"""The demo's journey is open, and those are on their way who left a cart behind."""

import pytest

from campaigns.journeys.counting import on_their_way
from campaigns.models import Enrolment, Journey
from customers.models import EventType
from delivery.models import Message, Sender
from demo.journeys import open_cart_journey
from tests.campaigns.journeys.going import did
from tests.campaigns.making import people

pytestmark = pytest.mark.django_db


def test_who_left_a_cart_behind_is_on_the_way_half_of_them_reminded_and_who_ordered_is_not() -> None:
    Sender.objects.create(name="Shop", from_name="Shop", from_email="news@shop.example")
    reminded, waiting, ordered, _ = people(4)
    for one in (reminded, waiting, ordered):
        did(one)
    did(ordered, EventType.ORDER_PLACED)
    assert open_cart_journey() == 2
    journey = Journey.objects.get()
    assert journey.state == "active"
    ways = Enrolment.objects.order_by("pk").values_list("customer_id", "step")
    assert list(ways) == [(reminded.pk, "a-day"), (waiting.pk, "three-hours")]
    assert list(Message.objects.values_list("customer_id", "state")) == [(reminded.pk, "queued")]
    assert on_their_way([journey.pk]) == {journey.pk: 2}
    assert open_cart_journey() == 0
