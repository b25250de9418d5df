"""A campaign that launches itself: once, not too late, not when it was taken off, and not in doubt."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from threading import Thread

import pytest
from django.db import connection

from campaigns import scheduling
from campaigns.launching import LaunchRefused, NotDue, database_time, launch
from campaigns.models import Campaign, CampaignVariant, Recipient
from campaigns.scheduling import (
    due_campaigns,
    launch_scheduled,
    replan,
    schedule,
    unschedule,
)
from customers.models import Alert
from delivery.models import Message
from tests.campaigns.making import people
from tests.campaigns.planning_making import due, planned

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def somebody(db: None) -> None:
    people(4)


def state_of(campaign: Campaign) -> str:
    campaign.refresh_from_db()
    return campaign.state


def tomorrow() -> date:
    return database_time().date() + timedelta(days=1)


def test_a_moment_is_read_in_the_zone_of_the_campaign() -> None:
    campaign = planned(send_on=date(2099, 6, 1), send_at=time(9), timezone="America/New_York")
    assert schedule(campaign.pk, by=None) == datetime(2099, 6, 1, 13, tzinfo=UTC)
    assert state_of(campaign) == "scheduled"
    assert due_campaigns() == []


def test_zones_are_frozen_when_the_first_on_earth_gets_there_or_right_away() -> None:
    far = planned("Far", timing_kind="zone", send_on=date(2099, 6, 1), send_at=time(9))
    begun = (
        database_time() - timedelta(hours=11)
    ).date()  # begins at 10:00 and ends a day later at 12:00, UTC
    near = planned("Near", timing_kind="zone", send_on=begun, send_at=time(23, 59))
    assert schedule(far.pk, by=None) == datetime(2099, 5, 31, 19, tzinfo=UTC)
    at = database_time()
    assert schedule(near.pk, by=None) >= at
    assert launch_scheduled(near.pk) is not None


def test_a_due_campaign_is_launched_once() -> None:
    campaign = due(planned())
    assert due_campaigns() == [campaign.pk]
    dispatch_id = launch_scheduled(campaign.pk)
    assert launch_scheduled(campaign.pk) is None
    assert (state_of(campaign), campaign.dispatch_id) == ("launched", dispatch_id)
    assert Message.objects.count() == 4


def test_a_claim_is_taken_over_when_its_worker_died() -> None:
    campaign = due(planned())
    Campaign.objects.update(claimed_at=database_time())
    assert launch_scheduled(campaign.pk) is None
    Campaign.objects.update(claimed_at=database_time() - scheduling.LEASE - timedelta(seconds=1))
    assert due_campaigns() == [campaign.pk]
    assert launch_scheduled(campaign.pk) is not None


def test_a_launch_that_comes_too_late_is_held_until_somebody_goes_on() -> None:
    campaign = due(planned(), minutes_ago=121)
    assert launch_scheduled(campaign.pk) is None
    assert state_of(campaign) == "held"
    assert "2 h 1 min ago; that is too late to go on unasked." in campaign.held_because
    assert not Recipient.objects.exists()
    alert = Alert.objects.get(resolved_at=None)
    assert alert.title == "The campaign Spring was not launched"
    launch(campaign.pk)
    assert state_of(campaign) == "launched"
    assert not Alert.objects.filter(resolved_at=None).exists()


def test_a_launch_just_within_the_limit_goes_on() -> None:
    campaign = due(planned(), minutes_ago=119)
    assert launch_scheduled(campaign.pk) is not None


def test_what_stands_in_the_way_holds_it_with_the_reason() -> None:
    campaign = due(planned())
    CampaignVariant.objects.get(campaign=campaign, variant__key="b").delete()
    assert launch_scheduled(campaign.pk) is None
    assert (state_of(campaign), campaign.held_because) == (
        "held",
        "The arm “Personalised” has no template.",
    )


def test_a_segment_that_cannot_be_judged_holds_it() -> None:
    campaign = due(planned())
    segment = campaign.segment
    segment.condition = {"nonsense": 1}
    segment.save(update_fields=["condition"])
    assert launch_scheduled(campaign.pk) is None
    assert state_of(campaign) == "held"
    assert campaign.held_because.startswith("Its segment cannot be judged: ")


def test_off_the_schedule_it_is_a_draft_and_does_not_launch() -> None:
    campaign = due(planned())
    assert unschedule(campaign.pk)
    assert not unschedule(campaign.pk)
    assert launch_scheduled(campaign.pk) is None
    assert state_of(campaign) == "draft"


def test_a_launch_under_way_asks_again_whether_it_is_still_wanted() -> None:
    campaign = due(planned())
    unschedule(campaign.pk)
    with pytest.raises(NotDue):
        launch(campaign.pk, as_scheduled=True)
    assert not Recipient.objects.exists()


def test_a_new_time_moves_the_launch() -> None:
    campaign = due(planned())
    replan(campaign.pk, {"send_on": date(2099, 6, 1), "send_at": time(10)})
    campaign.refresh_from_db()
    assert (campaign.state, campaign.launch_at) == ("scheduled", datetime(2099, 6, 1, 10, tzinfo=UTC))
    assert due_campaigns() == []


def test_a_time_that_is_past_is_refused_and_changes_nothing() -> None:
    campaign = planned(send_on=date(2020, 1, 1), send_at=time(9))
    with pytest.raises(LaunchRefused, match="The time at which it is to be sent is past"):
        schedule(campaign.pk, by=None)
    assert state_of(campaign) == "draft"


def test_without_a_time_it_cannot_be_scheduled() -> None:
    campaign = planned()
    with pytest.raises(LaunchRefused, match="Say first when it is to be sent"):
        schedule(campaign.pk, by=None)


def test_a_draft_with_errors_cannot_be_scheduled() -> None:
    campaign = planned(send_on=tomorrow(), send_at=time(9))
    CampaignVariant.objects.get(campaign=campaign, variant__key="b").delete()
    with pytest.raises(LaunchRefused, match="has no template"):
        schedule(campaign.pk, by=None)
    assert state_of(campaign) == "draft"


@pytest.fixture
def threads() -> Iterator[list[int | None]]:
    found: list[int | None] = []
    yield found


@pytest.mark.django_db(transaction=True)
def test_two_workers_launch_it_once(threads: list[int | None]) -> None:
    campaign = due(planned())

    def work() -> None:
        try:
            threads.append(launch_scheduled(campaign.pk))
        finally:
            connection.close()

    workers = [Thread(target=work) for _ in range(2)]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert sorted(one is None for one in threads) == [False, True]
    assert Message.objects.count() == 4
    assert state_of(campaign) == "launched"
