"""A launch over many zones: who is due when, who is left out, and that every arm has a moment alike."""

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import pytest

from campaigns.books import reconcile
from campaigns.freezing import PAST, freeze_audience
from campaigns.launching import counts, database_time, launch
from campaigns.models import Campaign, ListHabit, Recipient, SendingHabit
from campaigns.planning import lines
from campaigns.planning import planned as planned_hours
from campaigns.quiet import keep_all_quiet, keep_quiet
from customers.models import Customer
from delivery.models import Dispatch, Message
from segments import membership
from tests.campaigns.making import ids, people
from tests.campaigns.planning_making import planned

pytestmark = pytest.mark.django_db
DAY = date(2026, 12, 1)
AT_SIX = datetime(2026, 12, 1, 6, tzinfo=UTC)
ZONE = {"timing_kind": "zone", "send_on": DAY, "send_at": time(9)}


def frozen(campaign: Campaign, *, at: datetime) -> Campaign:
    """A campaign frozen as if a launch had been at this moment."""
    membership.refresh(campaign.segment, cause="launch")
    dispatch = Dispatch.objects.create(name=campaign.name, sender=campaign.sender)
    freeze_audience(campaign, dispatch, at=at)
    campaign.dispatch, campaign.launched_at = dispatch, at
    campaign.save(update_fields=["dispatch", "launched_at"])
    return campaign


def world() -> dict[str, list[int]]:
    """British customers here and there."""
    return {
        "Asia/Tokyo": ids(people(2, timezone="Asia/Tokyo")),
        "": ids(people(3)),
        "America/New_York": ids(people(4, timezone="America/New_York")),
    }


@pytest.mark.parametrize(
    ("past", "tokyo"),
    [("now", AT_SIX), ("tomorrow", datetime(2026, 12, 2, tzinfo=UTC)), ("skip", None)],
)
def test_each_zone_is_due_by_its_own_clock_and_past_ones_as_chosen(past: str, tokyo: datetime | None) -> None:
    living = world()
    campaign = frozen(planned(past_zones=past, **ZONE), at=AT_SIX)
    found = dict(Recipient.objects.values_list("customer_id", "due_at"))
    assert {found[pk] for pk in living["Asia/Tokyo"]} == {tokyo}
    assert {found[pk] for pk in living[""]} == {datetime(2026, 12, 1, 9, tzinfo=UTC)}
    assert {found[pk] for pk in living["America/New_York"]} == {datetime(2026, 12, 1, 14, tzinfo=UTC)}
    assert counts(campaign).excluded == ({PAST: 2} if past == "skip" else {})
    messages = dict(Message.objects.values_list("customer_id", "due_at"))
    assert messages == {pk: moment for pk, moment in found.items() if moment is not None}
    assert reconcile(campaign).adds_up


def test_the_arm_without_mail_has_its_moments_too() -> None:
    people(60, timezone="America/New_York")
    frozen(planned(no_mail=30, **ZONE), at=AT_SIX)
    unmailed = Recipient.objects.filter(variant_key="no_mail")
    assert unmailed.exists()
    assert set(unmailed.values_list("due_at", flat=True)) == {datetime(2026, 12, 1, 14, tzinfo=UTC)}


def test_one_moment_for_all_is_the_launch() -> None:
    people(3)
    campaign = planned()
    launch(campaign.pk)
    assert set(Recipient.objects.values_list("due_at", flat=True)) == {None}
    assert Message.objects.filter(due_at__lte=database_time()).count() == 3
    campaign.refresh_from_db()
    assert campaign.last_due_at is None


def test_quiet_hours_leave_nobody_out() -> None:
    living = world()
    campaign = planned(quiet_from=time(21), quiet_until=time(8))
    frozen(campaign, at=AT_SIX)
    found = dict(Recipient.objects.values_list("customer_id", "due_at"))
    assert counts(campaign).excluded == {}
    assert {found[pk] for pk in living["Asia/Tokyo"]} == {AT_SIX}
    assert {found[pk] for pk in living[""]} == {datetime(2026, 12, 1, 8, tzinfo=UTC)}
    assert {found[pk] for pk in living["America/New_York"]} == {datetime(2026, 12, 1, 13, tzinfo=UTC)}


def test_each_has_their_own_hour_and_who_has_none_or_objects_that_of_the_list() -> None:
    early, objecting, new = people(3)
    Customer.objects.filter(pk=objecting.pk).update(allows_profiling=False)
    for one in (early, objecting):
        SendingHabit.objects.create(customer=one, hour=7, reactions=20)
    ListHabit.objects.create(pk=1, reactions=[0] * 24, hour=19)
    frozen(planned(timing_kind="habit", send_on=DAY), at=datetime(2026, 11, 30, 10, tzinfo=UTC))
    found = dict(Recipient.objects.values_list("customer_id", "due_at"))
    assert {pk: moment.hour for pk, moment in found.items()} == {early.pk: 7, objecting.pk: 19, new.pk: 19}


def test_the_plan_before_the_launch_says_who_is_mailed_when() -> None:
    world()
    campaign = planned(past_zones="skip", **ZONE)
    membership.refresh(campaign.segment, cause="schedule")
    assert [(line.name, line.local, line.people, line.notes) for line in lines(campaign, at=AT_SIX)] == [
        ("Europe/London", "Tue 09:00", 3, set()),
        ("America/New York", "Tue 09:00", 4, set()),
        ("Asia/Tokyo", "", 2, {"left out: their time is past"}),
    ]


def test_the_plan_after_the_launch_is_what_was_frozen() -> None:
    world()
    campaign = frozen(planned(past_zones="now", **ZONE), at=AT_SIX)
    assert planned_hours(campaign) == [
        (AT_SIX, 2),
        (datetime(2026, 12, 1, 9, tzinfo=UTC), 3),
        (datetime(2026, 12, 1, 14, tzinfo=UTC), 4),
    ]


def test_what_a_pause_brings_into_quiet_hours_waits_until_they_end() -> None:
    people(3)
    people(2, timezone="Asia/Tokyo")
    at = database_time()
    in_tokyo = (at + timedelta(hours=9)).time()
    campaign = planned()
    launch(campaign.pk)
    Campaign.objects.filter(pk=campaign.pk).update(
        quiet_from=in_tokyo.replace(minute=0, second=0, microsecond=0),
        quiet_until=(at + timedelta(hours=10)).time().replace(minute=0, second=0, microsecond=0),
    )
    campaign.refresh_from_db()
    assert keep_quiet(campaign) == 2
    end = at.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
    due = Counter(Message.objects.filter(due_at__gt=database_time()).values_list("due_at", flat=True))
    assert due == {end: 2}
    assert keep_all_quiet() == 0
