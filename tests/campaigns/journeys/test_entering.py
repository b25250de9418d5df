"""What lets customers into a journey, how often, and what does not."""

from datetime import timedelta
from typing import Any

import pytest

from campaigns.journeys import versions
from campaigns.journeys.entering import STALE_AFTER, enter_by_news, enter_present
from campaigns.models import Enrolment, Journey, JourneyBell
from customers.models import Customer, EventType, Score
from segments import membership
from segments.models import LifecycleStage, MembershipChange, Segment, StageChange
from tests.campaigns.journeys.going import CART, HOUR, did, enrol, journey, later, walk
from tests.campaigns.making import BRITISH, ids, people

pytestmark = pytest.mark.django_db


def entered() -> list[int]:
    """Who ever entered anything."""
    return sorted(Enrolment.objects.values_list("customer", flat=True))


def begun_by(**trigger: Any) -> dict[str, Any]:
    """A document with this trigger."""
    return {"trigger": trigger, "steps": [HOUR]}


def test_an_event_enters_who_did_it() -> None:
    one, other = people(2)
    journey()
    did(one)
    did(other, EventType.PAGE_VIEWED)
    assert (enter_by_news(), entered()) == (1, [one.pk])
    assert Enrolment.objects.get().entry_key.startswith("event:")
    assert JourneyBell.objects.count() == 0


def test_an_event_from_before_it_was_opened_enters_nobody() -> None:
    (one,) = people(1)
    did(one)
    journey()
    did(one, EventType.PAGE_VIEWED)
    assert (enter_by_news(), entered()) == (0, [])


def test_news_that_no_journey_listens_to_ring_no_bell(stages: None) -> None:
    (one,) = people(1)
    membership.refresh_touched()  # somebody new is news of every kind
    JourneyBell.objects.all().delete()
    journey()
    did(one, EventType.PAGE_VIEWED)
    assert JourneyBell.objects.count() == 0
    did(one)
    assert list(JourneyBell.objects.values_list("customer", flat=True)) == [one.pk]


def test_who_is_on_the_way_does_not_enter_again() -> None:
    (one,) = people(1)
    journey(CART | {"reentry": "always"})
    did(one)
    enter_by_news()
    did(one)
    assert (enter_by_news(), entered()) == (0, [one.pk])


def test_what_was_done_on_the_way_does_not_begin_it_anew_once_it_is_over() -> None:
    (one,) = people(1)
    way = journey(CART | {"reentry": "always"})
    did(one)
    enter_by_news()
    did(one)
    walk(way)
    later(timedelta(hours=1))
    walk(way)
    did(one, EventType.PAGE_VIEWED)
    assert enter_by_news() == 0
    did(one)
    assert enter_by_news() == 1


@pytest.mark.parametrize(
    ("reentry", "after_a_week", "after_a_month"),
    [("never", 0, 0), ("always", 1, 1), ({"after": {"days": 30}}, 0, 1)],
)
def test_who_has_been_there_enters_again_by_the_rule(
    reentry: Any, after_a_week: int, after_a_month: int
) -> None:
    (one,) = people(1)
    way = journey(
        {"trigger": {"event": "product_added"}, "reentry": reentry, "steps": [{"name": "x", "exit": True}]}
    )
    enrol(way, one, key="first")
    walk(way)
    later(timedelta(days=7))
    assert enrol(way, one, key="second") == after_a_week
    walk(way)
    later(timedelta(days=30))
    assert enrol(way, one, key="third") == after_a_month


def test_the_same_news_enter_once_whatever_the_rule() -> None:
    (one,) = people(1)
    way = journey(
        {"trigger": {"event": "product_added"}, "reentry": "always", "steps": [{"name": "x", "exit": True}]}
    )
    enrol(way, one, key="same")
    walk(way)
    later(timedelta(days=1))
    assert enrol(way, one, key="same") == 0


def test_only_those_enter_who_fit() -> None:
    british, french = people(1)[0], people(1, country="FR")[0]
    way = journey(CART | {"only_if": BRITISH})
    assert enrol(way, british, french) == 1
    assert entered() == [british.pk]


def test_visitors_without_a_name_do_not_enter() -> None:
    way = journey()
    assert enrol(way, Customer.objects.create(is_anonymous=True)) == 0


def test_who_comes_into_a_segment_enters_but_not_who_an_edit_put_there() -> None:
    segment = Segment.objects.create(key="british", name="British", condition=BRITISH)
    people(2)
    journey(begun_by(segment="british"))
    segment.refresh_from_db()
    membership.refresh(segment, cause="edit")
    assert enter_by_news() == 0
    (newcomer,) = people(1)
    membership.refresh(segment, cause="schedule")
    assert (enter_by_news(), entered()) == (1, [newcomer.pk])
    assert MembershipChange.objects.filter(is_news=True).count() == 0


def test_changes_of_a_segment_that_nobody_waits_for_are_no_news() -> None:
    segment = Segment.objects.create(key="british", name="British", condition=BRITISH)
    people(2)
    membership.refresh(segment, cause="schedule")
    assert MembershipChange.objects.filter(is_news=True).count() == 0


def test_who_comes_into_a_stage_enters_and_all_changes_are_claimed() -> None:
    LifecycleStage.objects.create(key="risky", name="Risky", position=9, condition=BRITISH)
    one, other = people(2)
    journey(begun_by(stage="risky"))
    StageChange.objects.create(customer=one, to_stage="risky", cause="event")
    StageChange.objects.create(customer=other, to_stage="active", cause="event")
    assert (enter_by_news(), entered()) == (1, [one.pk])
    assert StageChange.objects.filter(claimed_at=None).count() == 0


def test_old_news_enter_nobody() -> None:
    LifecycleStage.objects.create(key="risky", name="Risky", position=9, condition=BRITISH)
    (one,) = people(1)
    way = journey(begun_by(stage="risky"))
    Journey.objects.update(active_since=way.active_since - 3 * STALE_AFTER)
    change = StageChange.objects.create(customer=one, to_stage="risky", cause="event")
    StageChange.objects.filter(pk=change.pk).update(changed_at=way.active_since - 2 * STALE_AFTER)
    assert (enter_by_news(), entered()) == (0, [])


def test_a_score_that_crosses_its_threshold_enters() -> None:
    low, high = people(2)
    way = journey(begun_by(score="churn", op="gte", value=0.7))
    for one, value in ((low, 0.2), (high, 0.9)):
        Score.objects.create(
            customer=one,
            kind="churn",
            value=value,
            percentile=50,
            model_version="1",
            computed_at=way.active_since,
        )
    membership.refresh(Segment.objects.get(key="journey-cart"), cause="schedule")
    assert (enter_by_news(), entered()) == (1, [high.pk])


def test_a_paused_journey_enters_nobody_and_a_closed_one_neither() -> None:
    (one,) = people(1)
    way = journey()
    for act in (versions.pause, versions.close):
        act(way)
        did(one)
        assert enter_by_news() == 0


def test_who_is_there_already_enters_when_that_is_asked_for() -> None:
    segment = Segment.objects.create(key="british", name="British", condition=BRITISH)
    there = people(3)
    people(1, country="FR")
    membership.refresh(segment, cause="edit")
    way = journey(begun_by(segment="british"), is_open=False)
    assert versions.present_count(way) == 3
    versions.open_to_customers(way)
    assert (entered(), enter_present(way.pk)) == ([], 3)
    assert entered() == sorted(ids(there))
    assert enter_present(way.pk) == 0
