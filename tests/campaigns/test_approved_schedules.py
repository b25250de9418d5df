"""What was approved launches itself as it was approved: the schedule voids nothing, a new time does."""

from datetime import date, time, timedelta

import pytest
from pytest_django import Settings

from accounts.models import Role, User
from campaigns import approving
from campaigns.launching import database_time
from campaigns.models import Campaign
from campaigns.recurring import spawn
from campaigns.scheduling import launch_scheduled, replan, schedule
from segments import membership
from tests.campaigns.making import people
from tests.campaigns.planning_making import planned

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _small_limit(settings: Settings) -> None:
    settings.LAUNCH_APPROVAL_ABOVE = 3


def approved(**fields: object) -> Campaign:
    """A campaign for tomorrow at nine that a second person approved, on the schedule."""
    people(8)
    campaign = planned(send_on=database_time().date() + timedelta(days=1), send_at=time(9), **fields)
    membership.refresh(campaign.segment, cause="schedule")
    campaign = Campaign.objects.select_related("segment", "experiment", "sender").get(pk=campaign.pk)
    ada, bob = (
        User.objects.create_user(f"{name}@example.com", role=Role.APPROVER) for name in ("ada", "bob")
    )
    asked = approving.ask(campaign, by=ada)
    approving.answer(asked.pk, by=bob, approves=True)
    schedule(campaign.pk, by=ada)
    return campaign


def test_an_approved_campaign_launches_itself() -> None:
    campaign = approved()
    Campaign.objects.update(launch_at=database_time())
    assert launch_scheduled(campaign.pk) is not None


def test_a_new_time_has_to_be_approved_again() -> None:
    campaign = approved()
    replan(campaign.pk, {"send_on": date(2099, 1, 1)})
    Campaign.objects.update(launch_at=database_time())
    assert launch_scheduled(campaign.pk) is None
    campaign.refresh_from_db()
    assert campaign.held_because.startswith(
        "It was changed, or its audience grew, since approval was asked for"
    )


def test_the_word_on_a_series_holds_for_each_occurrence() -> None:
    series = approved(repeats="daily")
    for _ in range(2):
        Campaign.objects.filter(pk=series.pk).update(launch_at=database_time())
        child = spawn(series.pk, at=database_time())
        assert child is not None
        Campaign.objects.filter(pk=child.pk).update(launch_at=database_time())
        found = launch_scheduled(child.pk)
        assert found is not None, Campaign.objects.get(pk=child.pk).held_because


def test_an_occurrence_of_a_series_that_was_changed_is_held() -> None:
    series = approved(repeats="daily")
    Campaign.objects.filter(pk=series.pk).update(launch_at=database_time(), topic="another")
    child = spawn(series.pk, at=database_time())
    assert child is not None
    Campaign.objects.filter(pk=child.pk).update(launch_at=database_time())
    assert launch_scheduled(child.pk) is None
    child.refresh_from_db()
    assert child.held_because == "It goes to more than 3 people: ask a second person to approve it."
