"""Caps: who has had enough mail is left out, the more important mail wins, and launches at once see each other."""

from datetime import timedelta
from threading import Barrier, Thread

import pytest
from django.db import connection

from campaigns.books import reconcile
from campaigns.launching import LaunchRefused, counts, database_time, launch
from campaigns.models import Campaign, ContactCap
from campaigns.sending import send_due
from customers.models import Customer
from delivery.models import Dispatch, Message
from delivery.outbox import claim
from tests.campaigns.making import people
from tests.campaigns.planning_making import planned

pytestmark = pytest.mark.django_db


def mailed(customer: Customer, *, days_ago: float, state: str = "sent", **dispatch: object) -> Message:
    """A mail of another campaign or journey."""
    fields = {"name": "Another", "sender": planned(f"Sender {Campaign.objects.count()}").sender, **dispatch}
    at = database_time() - timedelta(days=days_ago)
    return Message.objects.create(
        dispatch=Dispatch.objects.create(**fields), customer=customer, state=state, sent_at=at, due_at=at
    )


def left_out(campaign: Campaign) -> dict[int, str]:
    launch(campaign.pk)
    return dict(campaign.recipients.exclude(exclusion="").values_list("customer_id", "exclusion"))


def test_who_has_had_enough_is_left_out_with_the_reason_and_the_books_add_up() -> None:
    often, seldom, long_ago, _ = people(4)
    ContactCap.objects.create(most=2, within_days=7)
    for days in (1, 6):
        mailed(often, days_ago=days)
    mailed(seldom, days_ago=1)
    for days in (1, 7.1):
        mailed(long_ago, days_ago=days)
    campaign = planned()
    assert left_out(campaign) == {often.pk: "frequency cap: 2 in 7 days"}
    campaign.refresh_from_db()
    assert sum(counts(campaign).by_variant.values()) == 3
    assert reconcile(campaign).adds_up


@pytest.mark.parametrize(
    ("state", "counts_it"), [("unknown", True), ("failed", False), ("suppressed", False)]
)
def test_what_may_have_arrived_counts_and_what_did_not_does_not(state: str, counts_it: bool) -> None:
    customer, _ = people(2)
    ContactCap.objects.create(most=1, within_days=7)
    mailed(customer, days_ago=1, state=state)
    assert (customer.pk in left_out(planned())) is counts_it


def test_test_mails_do_not_count() -> None:
    customer, _ = people(2)
    ContactCap.objects.create(most=1, within_days=7)
    mailed(customer, days_ago=1, kind="test")
    assert left_out(planned()) == {}


def test_a_campaign_may_ignore_caps_and_counts_for_the_others() -> None:
    people(2)
    ContactCap.objects.create(most=1, within_days=7)
    assert left_out(planned("First", ignores_caps=True)) == {}
    with pytest.raises(LaunchRefused, match="Nobody would get a mail"):
        launch(planned("Second").pk)


def test_a_cap_on_a_topic_counts_campaigns_on_it_alone() -> None:
    people(2)
    ContactCap.objects.create(most=1, within_days=7, topic="news")
    assert left_out(planned("Sale", topic="sale")) == {}
    assert left_out(planned("News", topic="news")) == {}
    assert left_out(planned("Journal", topic="journal")) == {}
    with pytest.raises(LaunchRefused, match="Nobody would get a mail"):
        launch(planned("More news", topic="news").pk)


@pytest.mark.parametrize(("priority", "is_left_out"), [(-1, True), (0, True), (1, False)])
def test_what_waits_counts_against_no_higher_priority(priority: int, is_left_out: bool) -> None:
    customer, _ = people(2)
    ContactCap.objects.create(most=1, within_days=7)
    rival = planned("Rival")
    message = mailed(customer, days_ago=-1, state="queued")
    Campaign.objects.filter(pk=rival.pk).update(dispatch=message.dispatch)
    assert (customer.pk in left_out(planned(priority=priority))) is is_left_out


def test_what_a_pilot_holds_counts_like_what_waits() -> None:
    customer, _ = people(2)
    ContactCap.objects.create(most=1, within_days=7)
    rival = planned("Rival", priority=1)
    held = mailed(customer, days_ago=-1, state="held")
    Campaign.objects.filter(pk=rival.pk).update(dispatch=held.dispatch)
    assert customer.pk in left_out(planned())


def test_what_a_pilot_of_a_higher_priority_holds_keeps_a_mail_that_is_due() -> None:
    customer, _ = people(2)
    ContactCap.objects.create(most=1, within_days=7)
    campaign = planned()
    launch(campaign.pk)
    rival = planned("Rival", priority=1)
    held = mailed(customer, days_ago=-1, state="held")
    Campaign.objects.filter(pk=rival.pk).update(dispatch=held.dispatch)
    campaign.refresh_from_db()
    assert campaign.dispatch is not None
    assert send_due(campaign.dispatch.pk) == 1
    found = campaign.dispatch.messages.get(customer=customer)
    assert (found.state, found.reason) == ("skipped", "frequency cap")


def test_what_waits_beyond_the_days_of_the_cap_does_not_count() -> None:
    customer, _ = people(2)
    ContactCap.objects.create(most=1, within_days=7)
    mailed(customer, days_ago=-8, state="queued")
    assert left_out(planned()) == {}


def test_a_journeys_mail_that_waits_counts_for_every_campaign() -> None:
    customer, _ = people(2)
    ContactCap.objects.create(most=1, within_days=7)
    mailed(customer, days_ago=-1, state="queued", kind="journey")
    assert left_out(planned(priority=1)) == {customer.pk: "frequency cap: 1 in 7 days"}


@pytest.mark.django_db(transaction=True)
def test_two_launches_at_one_moment_count_each_others_mails() -> None:
    people(30)
    ContactCap.objects.create(most=1, within_days=7)
    drafts = [planned(name).pk for name in ("One", "Two")]
    together, refused = Barrier(2), []

    def work(pk: int) -> None:
        try:
            together.wait()
            launch(pk)
        except LaunchRefused as error:
            refused.append(str(error))
        finally:
            connection.close()

    workers = [Thread(target=work, args=[pk]) for pk in drafts]
    for one in workers:
        one.start()
    for one in workers:
        one.join()
    assert len(refused) == 1
    assert Message.objects.count() == 30


def states(campaign: Campaign) -> dict[int, tuple[str, str]]:
    """What became of a campaign's mails by customer."""
    found = Message.objects.filter(dispatch__campaign=campaign).order_by("customer_id")
    return {pk: (state, reason) for pk, state, reason in found.values_list("customer_id", "state", "reason")}


@pytest.mark.parametrize("ignores_caps", [False, True])
def test_what_was_sent_since_the_launch_is_asked_about_when_a_mail_is_due(ignores_caps: bool) -> None:
    busy, quiet = people(2)
    ContactCap.objects.create(most=1, within_days=7)
    campaign = planned(ignores_caps=ignores_caps)
    counted = launch(campaign.pk)
    mailed(busy, days_ago=1)
    send_due(counted.dispatch_id)
    expected = ("sent", "") if ignores_caps else ("skipped", "frequency cap")
    assert states(campaign) == {busy.pk: expected, quiet.pk: ("sent", "")}
    campaign.refresh_from_db()
    assert reconcile(campaign).adds_up


@pytest.mark.parametrize(("priority", "state"), [(0, "skipped"), (1, "sent")])
def test_a_mail_that_is_due_gives_way_to_a_more_important_one_that_waits(priority: int, state: str) -> None:
    people(1)
    ContactCap.objects.create(most=1, within_days=7)
    campaign = planned("Ours", priority=priority)
    counted = launch(campaign.pk)
    rival = launch(planned("Rival", priority=1, ignores_caps=True).pk)
    Message.objects.filter(dispatch_id=rival.dispatch_id).update(due_at=database_time() + timedelta(days=2))
    send_due(counted.dispatch_id)
    assert [found for found, _ in states(campaign).values()] == [state]


def test_a_journeys_mail_is_kept_by_no_cap() -> None:
    [one] = people(1)
    ContactCap.objects.create(most=1, within_days=7)
    mailed(one, days_ago=1)
    message = mailed(one, days_ago=0, state="queued", kind="journey")
    assert [claimed.id for claimed in claim(message.dispatch_id, limit=10)] == [message.pk]
