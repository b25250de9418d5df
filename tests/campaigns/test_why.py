"""Why did somebody (not) get this: for anybody and any campaign, from the segment to the delivery."""

import pytest
from django.test import Client

from accounts.models import AuditEntry, Role, User
from campaigns.explaining import Story, tell
from campaigns.launching import launch
from campaigns.models import Campaign
from campaigns.sending import send_due
from customers.consent import withdraw
from customers.models import Customer
from delivery.models import Dispatch, Message, MessageEvent
from segments import membership
from tests.campaigns.making import draft, launched, people, rules

pytestmark = pytest.mark.django_db


def said(story: Story) -> str:
    return " ".join(sentence for chapter in story.chapters for sentence in chapter.sentences)


def of(campaign: Campaign, customer: Customer) -> Story:
    return tell(
        Campaign.objects.select_related("segment", "experiment", "dispatch").get(pk=campaign.pk), customer
    )


def test_who_got_the_mail_is_told_the_whole_chain() -> None:
    rules(
        {
            "name": "british",
            "when": {"attribute": "country", "value": "GB"},
            "then": {"set": {"tone": "warm"}},
        },
        otherwise={"show": "nothing"},
    )
    [ada] = people(1, first_name="Ada")
    body = '<mj-text>{{ customer.first_name }} {{ tone }}</mj-text>{% slot "hero" %}<mj-text>y</mj-text>{% endslot %}'
    campaign = draft(body=body, baseline=body)
    campaign.variants.update(is_personalised=True)
    send_due(launch(campaign.pk).dispatch_id)
    message = Message.objects.get()
    MessageEvent.objects.create(
        message=message,
        kind="opened",
        occurred_at=message.sent_at,
        is_machine=True,
        verdict="prefetch",
        dedupe_key="o",
    )
    story = of(campaign, ada)
    assert story.verdict.startswith("The mail was sent on ")
    assert [chapter.title for chapter in story.chapters] == [
        "Segment",
        "Exclusion",
        "Arm",
        "Message",
        "Contents",
        "What happened then",
    ]
    assert ("customer.first_name", "Ada") in story.chapters[4].facts
    assert "Fired: hero: british." in said(story)
    assert "opened (by a machine: prefetch)." in said(story)


def test_who_was_excluded_is_told_why_then_and_what_is_true_now() -> None:
    people(1)
    [never] = people(1, consenting=False)
    story = of(launched()[0], never)
    assert story.verdict == "They did not get the mail: they had never agreed to marketing mail."
    assert "Marketing mail to them, as of now: never asked." in said(story)


def test_who_was_never_in_the_audience_is_told_which_part_does_not_hold() -> None:
    people(1)
    [german] = people(1, country="DE")
    story = of(launched()[0], german)
    assert story.verdict == "They did not get the mail: they were not in “British” when it was launched."
    [chapter] = story.chapters
    assert chapter.explanation is not None
    assert chapter.explanation.holds is False
    assert "No entry into it is noted before that." in said(story)


def test_who_entered_after_the_launch_is_told_so() -> None:
    people(1)
    campaign, _ = launched()
    [late] = people(1)
    membership.refresh(campaign.segment)
    assert "They became known only on " in said(of(campaign, late))
    assert "They entered it later, on " in said(of(campaign, late))


def test_who_is_held_out_is_told_that_it_measures() -> None:
    crowd = people(60)
    campaign, _ = launched(no_mail=50)
    held = campaign.recipients.filter(variant_key="no_mail").first()
    assert held is not None
    story = of(campaign, next(one for one in crowd if one.pk == held.customer_id))
    assert story.verdict.startswith("They did not get the mail: they are in the holdout")
    assert "50 % of the audience are in it: gets no mail." in said(story)


def test_who_withdrew_before_the_mail_left_is_told_that_it_was_held_back() -> None:
    [ada] = people(1)
    campaign, counted = launched()
    withdraw([ada.pk], source="test")
    send_due(counted.dispatch_id)
    assert (
        of(campaign, ada).verdict == "The mail was held back when it was about to be sent: consent withdrawn."
    )


def test_who_waits_in_a_paused_campaign_is_told_both() -> None:
    [ada] = people(1)
    campaign, _ = launched()
    Dispatch.objects.update(state="paused")
    story = of(campaign, ada)
    assert story.verdict == "The mail waits to be sent."
    assert "The campaign is paused." in said(story)


def test_of_a_draft_it_says_what_would_happen_now() -> None:
    [ada] = people(1)
    campaign = draft()
    assert (
        of(campaign, ada).verdict
        == "The campaign has not been launched. As of now they would not get the mail."
    )
    membership.refresh(campaign.segment)
    assert (
        of(campaign, ada).verdict == "The campaign has not been launched. As of now they would get the mail."
    )


def test_a_merged_profile_s_page_leads_to_the_survivor_and_looks_are_noted(client: Client) -> None:
    client.force_login(User.objects.create_user("v@example.com", role=Role.VIEWER))
    [ada, alias] = people(2)
    Customer.objects.filter(pk=alias.pk).update(merged_into=ada, email=None, is_anonymous=True)
    campaign, _ = launched()
    answer = client.get(f"/campaigns/{campaign.key}/why/{alias.public_id}/")
    assert answer["Location"] == f"/campaigns/{campaign.key}/why/{ada.public_id}/"
    client.get(answer["Location"])
    assert (
        AuditEntry.objects.filter(action="looked why a mail was sent or not", object_id=str(ada.pk)).count()
        == 1
    )


def test_asking_by_address_leads_to_the_story_and_a_stranger_is_said_to_be_one(client: Client) -> None:
    client.force_login(User.objects.create_user("v@example.com", role=Role.VIEWER))
    [ada] = people(1)
    campaign, _ = launched()
    address = f"/campaigns/{campaign.key}/why/"
    assert client.get(address, {"customer": ada.email})["Location"] == f"{address}{ada.public_id}/"
    assert (
        "Nobody has this e-mail address or id."
        in client.get(address, {"customer": "x@y.example"}).content.decode()
    )


def test_a_customer_s_campaigns_are_listed_with_what_each_was_to_them(client: Client) -> None:
    client.force_login(User.objects.create_user("v@example.com", role=Role.VIEWER))
    [ada] = people(1)
    campaign, counted = launched()
    send_due(counted.dispatch_id)
    draft("Summer")
    page = client.get(f"/customers/{ada.public_id}/campaigns/").content.decode()
    assert f'href="/campaigns/{campaign.key}/why/{ada.public_id}/"' in page
    assert "Not launched" in page
    assert ">Sent<" in page
