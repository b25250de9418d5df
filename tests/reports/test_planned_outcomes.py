"""With mails spread over zones each person's window starts when their own mail was due, in every arm."""

from datetime import timedelta

import pytest
from django.conf import settings

from campaigns.cloning import clone
from campaigns.launching import launch
from campaigns.models import Campaign, Recipient
from common.clock import now
from delivery.models import Message
from reports.outcomes import LATE, plan_of, sending_of
from tests.campaigns.making import draft, people
from tests.reports.test_outcomes import DAY, arm_members, counted, hit, order

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign() -> Campaign:
    """A campaign launched ten days ago, all of whose mails were due and sent two days after that."""
    people(60)
    campaign = draft(no_mail=30)
    launch(campaign.pk)
    start = now() - 10 * DAY
    Campaign.objects.update(launched_at=start, last_due_at=start + 2 * DAY)
    Recipient.objects.update(due_at=start + 2 * DAY)
    Message.objects.update(state="sent", sent_at=start + 2 * DAY)
    campaign.refresh_from_db()
    return campaign


@pytest.mark.parametrize("arm", ["a", "no_mail"])
def test_orders_count_from_the_planned_moment_in_the_unmailed_arm_too(campaign: Campaign, arm: str) -> None:
    early, first, last, late = arm_members(campaign, arm)[:4]
    due = campaign.last_due_at
    second = timedelta(seconds=1)
    for customer, at in (
        (early, due - second),
        (first, due),
        (last, due + 7 * DAY - second),
        (late, due + 7 * DAY),
    ):
        order(customer, at, 1_000)
    assert (counted(campaign)[arm].converters, counted(campaign)[arm].revenue_minor) == (2, 2_000)


def test_clicks_count_to_the_end_of_each_window(campaign: Campaign) -> None:
    one, other = arm_members(campaign, "a")[:2]
    hit(campaign, one, "clicked", campaign.last_due_at + 7 * DAY - timedelta(seconds=1))
    hit(campaign, other, "clicked", campaign.last_due_at + 7 * DAY)
    assert counted(campaign)["a"].human_clicks == 1


def test_the_result_is_complete_when_the_last_window_is_over(campaign: Campaign) -> None:
    closes_at = campaign.last_due_at + 7 * DAY
    found = [plan_of(campaign, as_of=closes_at - ahead) for ahead in (timedelta(seconds=1), timedelta())]
    assert [plan.window_closes_at for plan in found] == [closes_at, closes_at]
    assert [plan.complete for plan in found] == [False, True]


def test_a_mail_is_late_against_its_own_moment_and_not_the_launch(campaign: Campaign) -> None:
    assert (sending_of(campaign).late, sending_of(campaign).latest_by) == (0, timedelta())
    one = Message.objects.order_by("pk")[0]
    Message.objects.filter(pk=one.pk).update(sent_at=campaign.last_due_at + LATE + timedelta(minutes=1))
    assert (sending_of(campaign).late, sending_of(campaign).latest_by) == (1, LATE + timedelta(minutes=1))


def test_what_was_spent_before_ends_at_the_first_launch_with_the_same_arms(campaign: Campaign) -> None:
    started = campaign.launched_at
    one, other, third = arm_members(campaign, "a")[:3]
    order(one, started - DAY, 1_000, currency=settings.REPORTING_CURRENCY)
    order(other, started + DAY, 2_000, currency=settings.REPORTING_CURRENCY)
    assert counted(campaign)["a"].prior.minor == 1_000
    order(third, started - 40 * DAY, 4_000, currency=settings.REPORTING_CURRENCY)
    assert counted(campaign)["a"].prior.minor == 5_000
    first = clone(campaign, name="First", by=None, same_arms=True)
    Campaign.objects.filter(pk=first.pk).update(launched_at=started - 30 * DAY)
    assert counted(campaign)["a"].prior.minor == 4_000
    assert counted(campaign)["a"].revenue_minor == 0
