"""A clone is a draft with the same plan, and nothing of what happened."""

import pytest
from django.test import Client

from accounts.models import Role, User
from campaigns.cloning import clone
from campaigns.launching import launch
from campaigns.models import Campaign, CampaignTags, Pilot
from customers.models import Assignment
from tests.campaigns.making import draft, launched, letter, people

pytestmark = pytest.mark.django_db


def test_it_takes_the_plan_over_and_not_what_happened() -> None:
    people(30)
    campaign, _ = launched(no_mail=10)
    CampaignTags.objects.create(campaign=campaign, utm_campaign="spring", utm_source="post")
    Pilot.objects.create(campaign=campaign, percent=20, state="continued")
    copy = clone(campaign, name="Summer", by=None)
    assert (copy.key, copy.state, copy.dispatch, copy.launched_at) == ("summer", "draft", None, None)
    assert (copy.segment, copy.sender) == (campaign.segment, campaign.sender)
    assert (copy.experiment.key, copy.experiment.salt, copy.experiment.started_at) == (
        "summer",
        "summer",
        None,
    )
    plan = list(campaign.experiment.variants.values_list("key", "role", "weight"))
    assert list(copy.experiment.variants.values_list("key", "role", "weight")) == plan
    assert (copy.tags.utm_source, copy.tags.utm_campaign) == ("post", "summer")
    assert (copy.pilot.percent, copy.pilot.state) == (20, "planned")
    assert not copy.recipients.exists()


def test_it_can_be_launched_and_the_same_people_may_stay_in_the_same_arms() -> None:
    people(40)
    campaign, _ = launched()
    copy = clone(campaign, name="Again", by=None, same_arms=True)
    launch(copy.pk)
    arms = {
        key: dict(Assignment.objects.filter(experiment_key=key).values_list("customer_id", "variant_key"))
        for key in ("spring", "again")
    }
    assert arms["spring"] == arms["again"]


def test_it_sends_the_first_one_s_templates_or_their_newest_versions() -> None:
    campaign = draft()
    newest = letter("treatment", "<mj-text>Newer</mj-text>")
    same = clone(campaign, name="Same", by=None)
    fresh = clone(campaign, name="Fresh", by=None, newest_templates=True)
    arm = campaign.variants.get(variant__key="b")
    assert same.variants.get(variant__key="b").template_version_id == arm.template_version_id
    assert fresh.variants.get(variant__key="b").template_version == newest


def test_the_page_refuses_a_name_that_is_taken_and_a_segment_that_is_archived(client: Client) -> None:
    client.force_login(User.objects.create_user("m@example.com", role=Role.MARKETER))
    campaign = draft()
    address = f"/campaigns/{campaign.key}/clone/"
    assert (
        "There is a campaign of this name already"
        in client.post(address, {"name": "Spring"}).content.decode()
    )
    campaign.segment.archived_at = campaign.created_at
    campaign.segment.save()
    assert "is archived" in client.post(address, {"name": "Summer"}).content.decode()
    assert Campaign.objects.count() == 1


def test_the_page_makes_the_draft(client: Client) -> None:
    client.force_login(User.objects.create_user("m@example.com", role=Role.MARKETER))
    campaign = draft()
    answer = client.post(f"/campaigns/{campaign.key}/clone/", {"name": "Summer"})
    assert answer["Location"] == "/campaigns/summer/"
    assert str(Campaign.objects.get(key="summer").created_by) == "m@example.com"
