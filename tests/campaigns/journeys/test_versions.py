"""Versions: what is refused, what never changes, and who goes on in which."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from campaigns.journeys import versions
from campaigns.journeys.counting import figures_of
from campaigns.journeys.documents import JourneyError
from campaigns.models import Enrolment, JourneyVersion
from delivery.models import Dispatch, Message
from segments import upkeep
from segments.models import Segment
from tests.campaigns.journeys.going import CART, HOUR, REMIND, enrol, journey, later, walk
from tests.campaigns.making import BRITISH, people

pytestmark = pytest.mark.django_db
LONGER = CART | {"steps": [HOUR, {"name": "more", "wait": {"for": {"days": 2}}}, REMIND]}


def with_step(**step: Any) -> dict[str, Any]:
    """A document whose second step this is."""
    return {"trigger": {"event": "product_added"}, "steps": [HOUR, {"name": "two", **step}]}


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ([], "document: "),
        ({"steps": [HOUR]}, "trigger: is missing"),
        ({"trigger": {"event": "product_added"}, "steps": []}, "steps: "),
        ({"trigger": {"event": "walked_by"}, "steps": [HOUR]}, "trigger.event: "),
        ({"trigger": {"segment": "nobody"}, "steps": [HOUR]}, "trigger.segment: "),
        ({"trigger": {"stage": "nowhere"}, "steps": [HOUR]}, "trigger.stage: "),
        (CART | {"steps": [HOUR, HOUR]}, "steps[1].name: "),
        (CART | {"steps": [HOUR | {"name": "End!"}]}, "steps[0].name: "),
        (CART | {"goal": {"fact": "height", "value": 3}}, "goal.fact: "),
        (CART | {"reentry": "sometimes"}, "reentry: "),
        (CART | {"colour": "red"}, "colour: "),
        (with_step(wait={"until": "24:00"}), "steps[1].wait.until: "),
        (with_step(wait={"until": "09:00", "on": ["someday"]}), "steps[1].wait.on: "),
        (with_step(wait={"event": "order_placed"}), "steps[1].wait.at_most: "),
        (with_step(wait={"for": {"hours": 0}}), "steps[1].wait.for: "),
        (with_step(branch=BRITISH, yes="an-hour"), "steps[1].yes: "),
        (with_step(branch={"segment": "nobody"}), "document: "),
        (with_step(split="nothing", arms={"a": "end"}), "steps[1].split: "),
        (with_step(send={"template": "nothing"}), "steps[1].send.template: "),
        (with_step(send={"template": "cart", "strategy": "magic"}), "steps[1].send.strategy: "),
        (with_step(set={"a": {"b": 1}}), "steps[1].set: "),
        (with_step(webhook={"url": "ftp://crm.example/"}), "steps[1].webhook.url: "),
        (with_step(webhook={"url": "https://user@crm.example/"}), "steps[1].webhook.url: "),
        (with_step(webhook={"url": "https://crm.example/"}), "document: give the journey a secret"),
        (with_step(dance=True), "steps[1]: "),
    ],
)
def test_what_cannot_be_walked_is_refused_with_its_place(document: Any, place: str) -> None:
    way = journey(is_open=False)
    with pytest.raises(JourneyError) as refused:
        versions.publish(way, document)
    assert str(refused.value).startswith(place)
    assert JourneyVersion.objects.count() == 1


def test_a_version_never_changes() -> None:
    way = journey(is_open=False)
    with pytest.raises(IntegrityError), transaction.atomic():
        way.versions.update(document={})


def test_what_says_the_same_is_no_new_version() -> None:
    way = journey(is_open=False)
    assert versions.publish(way, CART).number == 1
    assert versions.publish(way, LONGER).number == 2


def test_who_is_on_the_way_finishes_the_version_they_entered() -> None:
    one, other = people(2)
    way = journey()
    enrol(way, one)
    walk(way)
    versions.publish(way, LONGER)
    enrol(way, other)
    walk(way)
    later(timedelta(hours=1))
    walk(way)
    assert list(Message.objects.values_list("customer", flat=True)) == [one.pk]


def test_or_is_moved_to_the_same_step_of_the_new_one() -> None:
    (one,) = people(1)
    way = journey()
    enrol(way, one)
    walk(way)
    old = way.live_version
    versions.publish(way, LONGER, move=True)
    assert (figures_of(old)["an-hour"].here, figures_of(way.live_version)["an-hour"].here) == (0, 1)
    later(timedelta(hours=1))
    walk(way)
    assert (Message.objects.count(), Enrolment.objects.get().step) == (0, "more")


def test_who_stands_at_a_step_that_is_gone_stays() -> None:
    (one,) = people(1)
    way = journey()
    enrol(way, one)
    walk(way)
    versions.publish(way, CART | {"steps": [REMIND]}, move=True)
    assert Enrolment.objects.get().version.number == 1


def test_pausing_stops_the_mails_that_wait_too() -> None:
    way = journey()
    versions.pause(way)
    assert Dispatch.objects.get().state == "paused"
    versions.close(way)
    assert Dispatch.objects.get().state == "sending"


def test_a_segment_that_a_journey_uses_cannot_be_put_away() -> None:
    segment = Segment.objects.create(key="british", name="British", condition=BRITISH)
    journey(CART | {"only_if": {"segment": "british"}})
    with pytest.raises(upkeep.InUse, match="Journey: cart"):
        upkeep.archive(segment)
