"""Who uses a segment is told as soon as they do: drafts, rules, and what a launch froze."""

import pytest
from django.contrib.admin import site
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.test import Client, RequestFactory
from django.urls import reverse

from accounts.models import User
from campaigns.admin import CampaignAdmin
from campaigns.models import Campaign
from delivery.models import Message
from rules.drafts import save_draft
from rules.models import RuleSet
from rules.versions import publish_document
from segments import membership, upkeep
from segments.models import LifecycleStage, Reference, Segment
from segments.stages import BadStages, save_stages
from tests.campaigns.making import draft, launched, people, rules

pytestmark = pytest.mark.django_db
VIPS = {"name": "VIPs", "when": {"segment": "vip"}, "then": {"set": {"headline": "Hello, VIP"}}}
FANS = {"name": "Fans", "when": {"stage": "fans"}, "then": {"set": {"headline": "Hello, fan"}}}
OTHERWISE = {"set": {"headline": "Hello"}}
SUBJECT = "subject"


@pytest.fixture
def vip() -> Segment:
    segment = Segment(key="vip", name="VIP", condition={"attribute": "country", "value": "GB"})
    membership.store(segment)
    return segment


def users() -> dict[str, list[str]]:
    """Who uses each segment, as it was told."""
    found: dict[str, list[str]] = {}
    for one in Reference.objects.select_related("segment").order_by("label"):
        found.setdefault(one.segment.key, []).append(one.label)
    return found


def test_a_draft_of_a_campaign_is_told_when_it_is_saved() -> None:
    draft()
    assert users() == {"british": ["Campaign: Spring"]}


def test_a_draft_that_is_deleted_in_the_admin_lets_its_segment_go(client: Client) -> None:
    client.force_login(User.objects.create_superuser("root@example.com", "x"))
    campaign = draft()
    client.post(reverse("admin:campaigns_campaign_delete", args=[campaign.pk]), {"post": "yes"})
    assert not Campaign.objects.exists()
    assert users() == {}


def test_what_was_scheduled_while_somebody_deleted_it_stays(rf: RequestFactory) -> None:
    campaign = draft()
    Campaign.objects.update(state=Campaign.State.SCHEDULED)
    with pytest.raises(PermissionDenied), transaction.atomic():
        CampaignAdmin(Campaign, site).delete_model(rf.post("/"), campaign)
    assert Campaign.objects.get() == campaign
    assert users() == {"british": ["Campaign: Spring"]}


def test_rules_are_told_when_they_are_saved_published_and_changed(vip: Segment) -> None:
    rule_set = RuleSet.objects.create(key="hero", name="Hero", slot="hero")
    save_draft(rule_set, {"rules": [VIPS], "otherwise": OTHERWISE}, author=None)
    assert users() == {"vip": ["Rules: Hero"]}
    publish_document(rule_set, {"rules": [VIPS], "otherwise": OTHERWISE})
    assert users() == {"vip": ["Rules: Hero"]}
    publish_document(rule_set, {"rules": [], "otherwise": OTHERWISE})
    assert users() == {}


def test_rules_that_a_launch_froze_hold_their_segments_until_all_is_sent(vip: Segment) -> None:
    people(2)
    version = rules(VIPS, otherwise=OTHERWISE, slot=SUBJECT)
    launched()
    publish_document(version.rule_set, {"rules": [], "otherwise": OTHERWISE})
    assert users()["vip"] == ["Campaign: Spring"]
    with pytest.raises(upkeep.InUse, match="Campaign: Spring uses it"):
        upkeep.archive(vip)
    Message.objects.update(state=Message.State.SENT)
    upkeep.archive(vip)
    assert vip.archived_at is not None


def test_rules_that_a_launch_froze_hold_their_stages() -> None:
    LifecycleStage.objects.all().delete()
    LifecycleStage.objects.create(key="new", name="New", position=LifecycleStage.LAST)
    fans = LifecycleStage.objects.create(
        key="fans", name="Fans", position=1, condition={"consent": "profiling"}
    )
    people(2)
    version = rules(FANS, otherwise=OTHERWISE, slot=SUBJECT)
    launched()
    publish_document(version.rule_set, {"rules": [], "otherwise": OTHERWISE})
    with pytest.raises(BadStages, match="asked for by “Campaign: Spring”"):
        save_stages(lambda stored: [one for one in stored if one != fans])
