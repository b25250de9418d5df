"""The pages of campaigns and templates: who may do what, and what is stored."""

from types import SimpleNamespace

import pytest
from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from campaigns.launching import launch
from campaigns.models import Campaign, TemplateVersion
from campaigns.sending import send_due
from delivery.models import Dispatch, Message
from segments import membership
from tests.campaigns.making import BODY, LETTER, draft, launched, letter, people, rules

pytestmark = pytest.mark.django_db
BROKEN = "<mjml>\n<mj-body>\n<mj-section>\n<mj-colum></mj-colum>\n</mj-section>\n</mj-body>\n</mjml>"


def signed_in(role: str) -> Client:
    """A browser of somebody with this role."""
    client = Client()
    client.force_login(User.objects.create_user(f"{role}@example.com", role=role))
    return client


def steer(client: Client, campaign: Campaign, act: str) -> str:
    """Press pause, resume or cancel; the state after it."""
    client.post(reverse("campaigns:steer", args=[campaign.key, act]))
    return Dispatch.objects.get(pk=campaign.dispatch_id).state


def test_a_viewer_may_look_but_not_change_anything() -> None:
    people(2)
    campaign = draft()
    viewer = signed_in(Role.VIEWER)
    assert viewer.get(reverse("campaigns:list")).status_code == 200
    assert viewer.get(reverse("campaigns:detail", args=[campaign.key])).status_code == 200
    assert viewer.get(reverse("campaigns:new")).status_code == 403
    assert viewer.post(reverse("campaigns:launch", args=[campaign.key])).status_code == 403
    assert viewer.get(reverse("campaigns:template_edit", args=["baseline"])).status_code == 403
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.DRAFT


def test_a_stranger_is_sent_to_the_login() -> None:
    answer = Client().get(reverse("campaigns:list"))
    assert (answer.status_code, answer["Location"]) == (302, "/login/?next=/campaigns/")


def test_a_marketer_launches_and_sees_the_books() -> None:
    people(7)
    people(2, consenting=False)
    campaign = draft()
    marketer = signed_in(Role.MARKETER)
    page = marketer.post(reverse("campaigns:launch", args=[campaign.key]), follow=True)
    campaign.refresh_from_db()
    assert campaign.state == Campaign.State.LAUNCHED
    assert Message.objects.filter(dispatch_id=campaign.dispatch_id).count() == 7
    assert "Launched: 9 people in the snapshot." in page.content.decode()
    assert "The books add up" in page.content.decode()


def test_a_second_launch_says_so_on_the_page() -> None:
    people(2)
    campaign, _ = launched()
    page = signed_in(Role.MARKETER).post(reverse("campaigns:launch", args=[campaign.key]), follow=True)
    assert "This campaign has been launched already." in page.content.decode()
    assert Message.objects.count() == 2


def test_a_paused_campaign_sends_nothing_until_it_is_resumed() -> None:
    people(3)
    campaign, counted = launched()
    marketer = signed_in(Role.MARKETER)
    assert steer(marketer, campaign, "pause") == "paused"
    assert send_due(counted.dispatch_id) == 0
    assert steer(marketer, campaign, "resume") == "sending"
    assert send_due(counted.dispatch_id) == 3


def test_a_cancelled_campaign_skips_what_waited_and_stays_cancelled() -> None:
    people(3)
    campaign, _ = launched()
    marketer = signed_in(Role.MARKETER)
    assert steer(marketer, campaign, "cancel") == "cancelled"
    assert steer(marketer, campaign, "resume") == "cancelled"
    ended = set(Message.objects.values_list("state", "reason"))
    assert ended == {("skipped", "the campaign was cancelled")}


def test_whoever_cancels_a_campaign_is_asked_in_words_that_cannot_be_misread() -> None:
    people(1)
    campaign, _ = launched()
    page = signed_in(Role.MARKETER).get(reverse("campaigns:detail", args=[campaign.key])).content.decode()
    assert 'data-confirm-yes="Cancel the campaign" data-confirm-no="Keep it"' in page


def test_a_broken_layout_is_shown_with_its_line_and_nothing_is_stored() -> None:
    version = letter("spring")
    page = signed_in(Role.MARKETER).post(
        reverse("campaigns:template_edit", args=["spring"]),
        {"name": "Spring", "subject": "News", "mjml": BROKEN},
    )
    assert page.status_code == 200
    assert any(error.startswith("Line 4: ") for error in page.context["form"].errors["mjml"])
    assert "mj-colum" in page.content.decode()
    assert list(TemplateVersion.objects.all()) == [version]


def test_a_good_layout_becomes_the_next_version() -> None:
    letter("spring")
    page = signed_in(Role.MARKETER).post(
        reverse("campaigns:template_edit", args=["spring"]),
        {"name": "Spring", "subject": "Newer", "mjml": LETTER.format(body=BODY), "note": "fresher"},
    )
    assert page.status_code == 302
    newest = TemplateVersion.objects.get(template__key="spring", number=2)
    assert (newest.subject, newest.note, str(newest.author)) == ("Newer", "fresher", "marketer@example.com")


def test_a_campaign_with_nothing_left_to_send_is_called_finished() -> None:
    people(2)
    _, counted = launched()
    viewer = signed_in(Role.VIEWER)
    assert "Sending" in viewer.get(reverse("campaigns:list")).content.decode()
    send_due(counted.dispatch_id)
    page = viewer.get(reverse("campaigns:list")).content.decode()
    assert "Finished" in page
    assert "Sending" not in page


@pytest.mark.parametrize(
    ("written", "whom"),
    [
        ({"otherwise": {"recommend": "for_you"}}, "everybody"),
        ({"then": {"recommend": "again"}}, "those whom its rules fit"),
        ({}, None),
    ],
)
def test_the_page_says_whose_products_the_rules_choose(written: dict[str, object], whom: str | None) -> None:
    fits = {"name": "GB", "when": {"attribute": "country", "value": "GB"}, "then": {"set": {"x": 1}}}
    rules(
        fits | {"then": written["then"]} if "then" in written else fits,
        otherwise=written.get("otherwise", {}),
    )
    campaign = draft(body=BODY + '{% slot "hero" %}{% endslot %}')
    page = signed_in(Role.VIEWER).get(reverse("campaigns:detail", args=[campaign.key])).content.decode()
    sentence = "The rules hero v1 choose instead for"
    assert page.count(sentence) == (1 if whom else 0)
    assert whom is None or f"{sentence} {whom}." in page


def test_the_confirmation_says_how_many_the_segment_holds() -> None:
    people(3)
    campaign = draft()
    membership.refresh(campaign.segment, cause="edit")
    page = signed_in(Role.MARKETER).get(reverse("campaigns:detail", args=[campaign.key])).content.decode()
    assert "Launch this campaign to British? The segment held 3 people" in page


def test_the_admin_writes_of_a_draft_only_what_was_changed_and_nothing_after_its_launch() -> None:
    people(2)
    campaign = draft()
    stale, form = Campaign.objects.get(pk=campaign.pk), SimpleNamespace(changed_data=["name"])
    stale.name = "Renamed"
    Campaign.objects.filter(pk=campaign.pk).update(priority=1)
    campaigns = admin.site.get_model_admin(Campaign)
    campaigns.save_model(HttpRequest(), stale, form, change=True)
    campaign.refresh_from_db()
    assert (campaign.name, campaign.priority) == ("Renamed", 1)
    launch(campaign.pk)
    stale.name = "Rewritten"
    with pytest.raises(PermissionDenied):
        campaigns.save_model(HttpRequest(), stale, form, change=True)
    campaign.refresh_from_db()
    assert (campaign.name, campaign.state) == ("Renamed", "launched")


def test_the_admin_changes_a_draft_but_no_launched_campaign() -> None:
    people(2)
    campaign = draft()
    client = Client()
    client.force_login(User.objects.create_superuser("root@example.com", "x"))
    url = reverse("admin:campaigns_campaign_change", args=[campaign.pk])
    data = {
        "name": "Renamed",
        "key": campaign.key,
        "segment": campaign.segment_id,
        "experiment": campaign.experiment_id,
        "sender": campaign.sender_id,
    }
    assert client.post(url, data).status_code == 302
    launch(campaign.pk)
    assert client.post(url, data | {"name": "Rewritten"}).status_code == 403
    assert client.get(url).status_code == 200
    campaign.refresh_from_db()
    assert campaign.name == "Renamed"
