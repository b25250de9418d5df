"""The demo's journey is open, and those are on their way who left a cart behind."""

import pytest

from campaigns.models import Enrolment, Journey
from customers.models import EventType
from delivery.models import Sender
from demo.journeys import open_cart_journey
from tests.campaigns.journeys.going import did
from tests.campaigns.making import people

pytestmark = pytest.mark.django_db


def test_who_left_a_cart_behind_is_on_the_way_and_who_ordered_is_not() -> None:
    Sender.objects.create(name="Shop", from_name="Shop", from_email="news@shop.example")
    left, ordered, _ = people(3)
    did(left)
    did(ordered)
    did(ordered, EventType.ORDER_PLACED)
    assert open_cart_journey() == 1
    assert Journey.objects.get().state == "active"
    enrolment = Enrolment.objects.get()
    assert (enrolment.customer_id, enrolment.step, enrolment.waits_since is None) == (
        left.pk,
        "three-hours",
        False,
    )
    assert open_cart_journey() == 0
