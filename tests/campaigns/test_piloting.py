"""Pilots: a few first, the rest held and counted; then on or stopped, by rule or by a person."""

from datetime import timedelta
from decimal import Decimal

import pytest
from django.db.models import F
from django.test import Client

from accounts.models import AuditEntry, Role, User
from campaigns import piloting
from campaigns.books import reconcile
from campaigns.launching import LaunchRefused, database_time, launch
from campaigns.models import Campaign, Pilot
from campaigns.sending import due_dispatches, send_due
from customers.models import Alert
from delivery.models import Message, MessageEvent
from delivery.steering import steer
from experiments.stats.assignment import Share, variant_of
from segments import membership
from segments.models import Segment
from tests.campaigns.making import draft, people

pytestmark = pytest.mark.django_db


def begun(count: int = 60, **plan: object) -> tuple[Campaign, int]:
    """A launched campaign with a pilot, and its dispatch."""
    people(count)
    campaign = draft()
    Pilot.objects.create(campaign=campaign, **({"percent": 20} | plan))
    dispatch_id = launch(campaign.pk).dispatch_id
    campaign.refresh_from_db()
    return campaign, dispatch_id


def sent_long_ago(dispatch_id: int) -> list[Message]:
    """The pilot's mails, sent five hours ago."""
    send_due(dispatch_id)
    for message in Message.objects.filter(state="sent"):
        Message.objects.filter(pk=message.pk).update(sent_at=message.sent_at - timedelta(hours=5))
    return list(Message.objects.filter(state="sent").order_by("pk"))


def states() -> dict[str, int]:
    found = list(Message.objects.values_list("state", flat=True))
    return {state: found.count(state) for state in set(found)}


def test_the_pilot_is_drawn_by_a_hash_of_its_own_and_the_rest_is_held_in_the_books() -> None:
    campaign, dispatch_id = begun(60)
    shares = [Share("in", 2_000), Share("out", 8_000)]
    salt = f"{campaign.experiment.salt}:pilot"
    first = {
        one.customer_id
        for one in Message.objects.select_related("customer")
        if variant_of(salt=salt, public_id=one.customer.public_id, shares=shares) == "in"
    }
    assert set(Message.objects.filter(state="queued").values_list("customer_id", flat=True)) == first
    assert 0 < len(first) < 60
    assert send_due(dispatch_id) == len(first)
    books = reconcile(campaign)
    assert (books.adds_up, books.is_finished) == (True, False)
    assert sum(arm.states.get("held", 0) for arm in books.arms) == 60 - len(first)
    assert due_dispatches() == []


def test_a_chosen_segment_goes_first() -> None:
    ours = people(2, city="Leeds")
    leeds = Segment.objects.create(
        key="leeds", name="Leeds", condition={"attribute": "city", "value": "Leeds"}
    )
    membership.refresh(leeds)
    begun(5, percent=None, segment=leeds)
    queued = Message.objects.filter(state="queued").values_list("customer_id", flat=True)
    assert set(queued) == {one.pk for one in ours}
    assert states() == {"queued": 2, "held": 5}


def test_a_pilot_of_nobody_is_refused_and_nothing_is_launched() -> None:
    nobody = Segment.objects.create(key="none", name="None", condition={"attribute": "city", "value": "Ys"})
    with pytest.raises(LaunchRefused, match="Nobody of the audience is in the pilot"):
        begun(3, percent=None, segment=nobody)
    assert not Message.objects.exists()
    assert Pilot.objects.get().state == "planned"


def test_it_is_not_judged_before_its_time_nor_while_it_is_sending() -> None:
    _, dispatch_id = begun(continues_by_itself=True)
    assert piloting.judge_due() == []
    send_due(dispatch_id)
    assert piloting.judge_due() == []
    assert Pilot.objects.get().state == "running"


def test_a_good_pilot_goes_on_by_itself_once() -> None:
    _, dispatch_id = begun(continues_by_itself=True)
    sent = sent_long_ago(dispatch_id)
    assert piloting.judge_due() == [dispatch_id]
    assert piloting.judge_due() == []
    assert (Pilot.objects.get().state, Pilot.objects.get().verdict["broken"]) == ("continued", [])
    assert states() == {"sent": len(sent), "queued": 60 - len(sent)}
    send_due(dispatch_id)
    assert states() == {"sent": 60}


def test_a_good_pilot_waits_for_a_person_where_that_is_wanted() -> None:
    campaign, dispatch_id = begun()
    sent = sent_long_ago(dispatch_id)
    assert piloting.judge_due() == []
    assert Pilot.objects.get().state == "waiting"
    assert Alert.objects.get(resolved_at=None).title == "The pilot of Spring waits for a decision"
    assert piloting.go_on(campaign, by=None)
    assert not Alert.objects.filter(resolved_at=None).exists()
    assert states() == {"sent": len(sent), "queued": 60 - len(sent)}


@pytest.mark.parametrize(
    ("kind", "limit"),
    [("bounced", "max_bounced"), ("complained", "max_complained"), ("unsubscribed", "max_unsubscribed")],
)
def test_a_limit_that_is_passed_holds_the_rest(kind: str, limit: str) -> None:
    _, dispatch_id = begun(continues_by_itself=True)
    sent = sent_long_ago(dispatch_id)
    for number in range(2):
        MessageEvent.objects.create(
            message=sent[0], kind=kind, occurred_at=sent[0].sent_at, dedupe_key=f"{kind}{number}"
        )
    assert piloting.judge_due() == []
    pilot = Pilot.objects.get()
    assert pilot.state == "waiting"
    [sentence] = pilot.verdict["broken"]
    assert sentence.startswith(f"1 mails ({1 / len(sent):.2%})")
    assert f"the limit is {getattr(pilot, limit) / 100:.2%}" in sentence
    assert states()["held"] == 60 - len(sent)


def test_failures_and_fallbacks_have_limits_too() -> None:
    campaign, dispatch_id = begun(max_fell_back=Decimal(10))
    sent = sent_long_ago(dispatch_id)
    Message.objects.filter(pk=sent[0].pk).update(state="unknown", sent_at=None)
    Message.objects.filter(pk=sent[1].pk).update(fallbacks=2)
    figures = piloting.figures_of(dispatch_id)
    broken = [one.what for one in piloting.guardrails(campaign.pilot, figures) if one.is_broken]
    expected = ["failed", "fell_back"] if len(sent) <= 10 else ["failed"]
    assert broken == expected


def test_a_paused_campaign_s_pilot_is_not_judged() -> None:
    _, dispatch_id = begun(continues_by_itself=True)
    sent_long_ago(dispatch_id)
    steer(dispatch_id, "pause")
    assert piloting.judge_due() == []
    assert Pilot.objects.get().state == "running"


def test_a_stopped_pilot_skips_the_rest_for_good() -> None:
    campaign, dispatch_id = begun()
    assert piloting.stop(campaign, by=None)
    assert not piloting.go_on(campaign, by=None)
    send_due(dispatch_id)
    assert set(Message.objects.values_list("state", "reason")) == {
        ("sent", ""),
        ("skipped", "the pilot was stopped"),
    }
    assert reconcile(campaign).is_finished


def test_a_cancelled_campaign_skips_whom_the_pilot_held_and_nobody_lets_it_go_on() -> None:
    campaign, dispatch_id = begun()
    steer(dispatch_id, "cancel")
    assert states() == {"skipped": 60}
    assert not piloting.go_on(campaign, by=None)


def test_the_page_plans_a_pilot_and_whoever_may_launch_decides(client: Client) -> None:
    client.force_login(User.objects.create_user("m@example.com", role=Role.MARKETER))
    people(30)
    campaign = draft()
    limits = dict.fromkeys(Pilot.LIMITS, "1")
    address = f"/campaigns/{campaign.key}/pilot/"
    client.post(f"{address}plan/", {"percent": 30, "wait_hours": 4, **limits})
    assert Pilot.objects.get().percent == 30
    launch(campaign.pk)
    assert "It is judged 4 hours after its last mail" in client.get(address).content.decode()
    client.post(f"{address}continue/")
    assert states() == {"queued": 30}
    assert AuditEntry.objects.filter(action="let a campaign go on after its pilot").count() == 1
    assert "decided already" in client.post(f"{address}stop/", follow=True).content.decode()


def test_a_plan_of_both_or_neither_is_refused(client: Client) -> None:
    client.force_login(User.objects.create_user("m@example.com", role=Role.MARKETER))
    campaign = draft()
    limits = dict.fromkeys(Pilot.LIMITS, "1")
    address = f"/campaigns/{campaign.key}/pilot/plan/"
    both = {"percent": 30, "segment": campaign.segment_id, "wait_hours": 4, **limits}
    for wrong in (both, both | {"percent": "", "segment": ""}):
        assert "one of the two" in client.post(address, wrong).content.decode()
    assert not Pilot.objects.exists()


def test_the_clocks_of_the_rest_start_when_it_is_released_without_mail_too() -> None:
    people(60)
    campaign = draft(no_mail=30)
    Pilot.objects.create(campaign=campaign, percent=50)
    dispatch_id = launch(campaign.pk).dispatch_id
    week = timedelta(days=7)
    Campaign.objects.update(launched_at=F("launched_at") - week)
    Message.objects.update(due_at=F("due_at") - week)
    campaign.refresh_from_db()
    send_due(dispatch_id)
    first = set(Message.objects.filter(state="sent").values_list("customer_id", flat=True))
    before = database_time()

    assert piloting.go_on(campaign, by=None)
    campaign.refresh_from_db()
    rest = campaign.recipients.exclude(due_at=None)
    assert min(rest.values_list("due_at", flat=True)) >= before
    assert campaign.last_due_at == max(rest.values_list("due_at", flat=True))
    assert set(Message.objects.filter(state="queued").values_list("due_at", flat=True)) == set(
        rest.exclude(variant_key="no_mail").values_list("due_at", flat=True)
    )
    assert not first & set(rest.values_list("customer_id", flat=True))
    assert (
        0
        < rest.filter(variant_key="no_mail").count()
        < campaign.recipients.filter(variant_key="no_mail").count()
    )
