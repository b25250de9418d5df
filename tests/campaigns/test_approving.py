"""Approval of big launches: by a second person, of just what is sent, and void as soon as that changes."""

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from pytest_django import Settings

from accounts.models import AuditEntry, Role, User
from campaigns import approving
from campaigns.launching import LaunchRefused, launch, obstacles
from campaigns.models import Campaign, CampaignTags, LaunchApproval, Pilot
from campaigns.publishing import save_block
from delivery.models import Message
from tests.campaigns.making import draft, people, rules

pytestmark = pytest.mark.django_db
ASK = "It goes to more than 3 people: ask a second person to approve it."
AGAIN = "It was changed, or its audience grew, since approval was asked for: ask again."


@pytest.fixture(autouse=True)
def _small_limit(settings: Settings) -> None:
    settings.LAUNCH_APPROVAL_ABOVE = 3


def colleague(name: str, role: str = Role.APPROVER) -> User:
    return User.objects.create_user(f"{name}@example.com", role=role)


def big(count: int = 20) -> Campaign:
    people(count)
    campaign = draft()
    with pytest.raises(LaunchRefused):
        launch(campaign.pk)
    return fresh(campaign)


def fresh(campaign: Campaign) -> Campaign:
    return Campaign.objects.select_related("segment", "experiment", "sender").get(pk=campaign.pk)


def approved(campaign: Campaign) -> LaunchApproval:
    asked = approving.ask(campaign, by=colleague("ada"))
    return approving.answer(asked.pk, by=colleague("bob"), approves=True)


def test_a_big_launch_waits_for_a_second_person_and_a_small_one_does_not() -> None:
    campaign = big(4)
    assert obstacles(campaign) == [ASK]
    approved(campaign)
    assert launch(campaign.pk).audience == 4


def test_three_people_need_nobody_s_word() -> None:
    people(3)
    assert launch(draft().pk).audience == 3


def test_who_asked_or_wrote_cannot_approve() -> None:
    campaign = big()
    ada, carol, dan = colleague("ada"), colleague("carol"), colleague("dan")
    Campaign.objects.filter(pk=campaign.pk).update(created_by=carol)
    CampaignTags.objects.create(campaign=campaign, utm_campaign="spring", edited_by=dan)
    asked = approving.ask(campaign, by=ada)
    for writer in (ada, carol, dan):
        with pytest.raises(approving.Refused, match="a second person approves it"):
            approving.answer(asked.pk, by=writer, approves=True)
    asked.refresh_from_db()
    assert asked.answer == "open"


def test_the_database_itself_refuses_an_approval_by_who_asked() -> None:
    asked = approving.ask(big(), by=colleague("ada"))
    with pytest.raises(IntegrityError), transaction.atomic():
        LaunchApproval.objects.filter(pk=asked.pk).update(answer="approved", answered_by=asked.asked_by)


def test_every_kind_of_edit_voids_an_approval() -> None:
    save_block(key="offer", name="Offer", mjml="<mj-text>One</mj-text>")
    rules(otherwise={"show": "offer"})
    people(20)
    slot = '<mj-text>x</mj-text>{% slot "hero" %}<mj-text>y</mj-text>{% endslot %}'
    campaign = fresh(draft(body=slot))
    asked = approving.ask(campaign, by=colleague("ada"))
    arm = campaign.variants.get(variant__key="a")
    edits = {
        "the name": lambda: Campaign.objects.filter(pk=campaign.pk).update(name="Other"),
        "an arm's products": lambda: campaign.variants.filter(pk=arm.pk).update(strategy="trending"),
        "the split": lambda: campaign.experiment.variants.filter(key="a").update(weight=4_000),
        "the sender's name": lambda: campaign.sender.__class__.objects.update(from_name="Other"),
        "a block": lambda: save_block(key="offer", name="Offer", mjml="<mj-text>Two</mj-text>"),
        "the links": lambda: CampaignTags.objects.create(campaign=campaign, utm_campaign="x"),
        "the pilot": lambda: Pilot.objects.create(campaign=campaign, percent=10),
        "the segment": lambda: campaign.segment.__class__.objects.update(condition={"all": []}),
    }
    unnoticed = []
    for what, edit in edits.items():
        with transaction.atomic():
            assert not approving.is_void(asked, fresh(campaign)), what
            edit()
            if not approving.is_void(asked, fresh(campaign)):
                unnoticed.append(what)
            transaction.set_rollback(True)
    assert unnoticed == []


def test_an_edit_after_the_approval_stops_the_launch() -> None:
    campaign = big()
    approved(campaign)
    Campaign.objects.filter(pk=campaign.pk).update(name="Another")
    with pytest.raises(LaunchRefused) as refused:
        launch(campaign.pk)
    assert refused.value.reasons == [AGAIN]
    assert not Message.objects.exists()


def test_an_audience_that_grew_by_more_than_a_tenth_stops_the_launch() -> None:
    campaign = big(20)
    approved(campaign)
    people(3)
    with pytest.raises(LaunchRefused, match="its audience grew"):
        launch(campaign.pk)


def test_a_refusal_is_said_with_its_reason_and_can_be_asked_again() -> None:
    campaign = big()
    asked = approving.ask(campaign, by=colleague("ada"))
    approving.answer(asked.pk, by=colleague("bob"), approves=False, reason="the subject shouts")
    assert obstacles(campaign) == ["bob@example.com refused to approve it: the subject shouts."]
    approving.ask(campaign, by=User.objects.get(email="ada@example.com"))
    assert obstacles(campaign) == ["ada@example.com asked a second person to approve it; nobody has yet."]


def test_asking_anew_withdraws_the_older_request_and_all_is_noted() -> None:
    campaign, ada = big(), colleague("ada")
    older = approving.ask(campaign, by=ada)
    approving.ask(campaign, by=ada)
    older.refresh_from_db()
    assert older.answer == "withdrawn"
    with pytest.raises(approving.Refused, match="answered already"):
        approving.answer(older.pk, by=colleague("bob"), approves=True)
    assert AuditEntry.objects.filter(action="asked for approval of a launch").count() == 2


def test_the_pages_ask_list_and_approve(client: Client) -> None:
    campaign = big()
    client.force_login(colleague("ada", Role.MARKETER))
    client.post(f"/campaigns/{campaign.key}/approval/ask/", {"note": "Easter"})
    asked = LaunchApproval.objects.get()
    own = client.get(f"/campaigns/{campaign.key}/approval/").content.decode()
    assert "a second person answers" in own
    client.force_login(colleague("bob"))
    assert "Easter" in client.get("/approvals/?open=1").content.decode()
    client.post(f"/campaigns/{campaign.key}/approval/{asked.pk}/approve/", {"reason": "fine"})
    asked.refresh_from_db()
    assert (asked.answer, asked.reason, str(asked.answered_by)) == ("approved", "fine", "bob@example.com")
    assert "Nobody waits for approval" in client.get("/approvals/?open=1").content.decode()


def test_who_may_not_launch_does_not_approve(client: Client, settings: Settings) -> None:
    settings.LAUNCH_NEEDS_APPROVER = True
    campaign = big()
    asked = approving.ask(campaign, by=colleague("ada"))
    client.force_login(colleague("mary", Role.MARKETER))
    assert client.post(f"/campaigns/{campaign.key}/approval/{asked.pk}/approve/").status_code == 403
    asked.refresh_from_db()
    assert asked.answer == "open"
