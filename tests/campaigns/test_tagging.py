"""UTM parameters: on links into the shop and on no others, in the mail and where a click leads."""

import re

import pytest
from django.test import Client

from accounts.models import Role, User
from campaigns.launching import launch
from campaigns.models import CampaignTags
from campaigns.sending import send_due
from campaigns.showing import show_again
from campaigns.tagging import Tags, tagged
from customers import consent
from customers.models import Purpose
from delivery.mailbox import read_mail
from delivery.models import MailboxMessage, Message
from delivery.verdicts import TRAP_INDEX
from tests.campaigns.making import draft, ids, people

TAGS = Tags((("utm_source", "news letter"), ("utm_campaign", "spring&1")), ("shop.example",))
ADDED = "utm_source=news%20letter&utm_campaign=spring%261"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://shop.example/", f"https://shop.example/?{ADDED}"),
        ("https://www.Shop.example/a#top", f"https://www.Shop.example/a?{ADDED}#top"),
        ("https://shop.example/a?b=1&c=%20x#y?z", f"https://shop.example/a?b=1&c=%20x&{ADDED}#y?z"),
        ("https://shop.example/a?", f"https://shop.example/a?{ADDED}"),
        ("https://shop.example:8443/a", f"https://shop.example:8443/a?{ADDED}"),
        (
            "https://shop.example/?utm_source=own",
            "https://shop.example/?utm_source=own&utm_campaign=spring%261",
        ),
        (
            "https://shop.example/?UTM_Source=&utm_campaign=x",
            "https://shop.example/?UTM_Source=&utm_campaign=x",
        ),
        ("https://elsewhere.example/", "https://elsewhere.example/"),
        ("https://notshop.example/", "https://notshop.example/"),
        ("https://shop.example.evil.example/", "https://shop.example.evil.example/"),
        ("mailto:hello@shop.example", "mailto:hello@shop.example"),
        ("#", "#"),
    ],
)
def test_parameters_are_added_once_and_the_rest_stays(url: str, expected: str) -> None:
    assert tagged(url, TAGS) == expected
    assert tagged(expected, TAGS) == expected


BODY = (
    '<mj-text><a href="https://shop.example/a?b=1#top">own</a> <a href="https://elsewhere.example/">other</a>'
    ' <a href="{{ page }}">data</a></mj-text>'
)
OWN = "https://shop.example/a?b=1&utm_source=newsletter&utm_medium=email&utm_campaign=spring#top"
DATA = "https://www.shop.example/p?utm_source=newsletter&utm_medium=email&utm_campaign=spring"


def sent(*, tracked: bool) -> Message:
    crowd = people(1, attributes={"page": "https://www.shop.example/p"})
    if not tracked:
        consent.withdraw(ids(crowd), purpose=Purpose.CLICK_TRACKING, source="test")
    campaign = draft(body=BODY, baseline=BODY)
    CampaignTags.objects.create(campaign=campaign, utm_campaign=campaign.key)
    send_due(launch(campaign.pk).dispatch_id)
    return Message.objects.get()


@pytest.mark.django_db
def test_a_click_leads_to_the_tagged_address(client: Client) -> None:
    message = sent(tracked=True)
    html = read_mail(bytes(MailboxMessage.objects.get().raw)).html
    clicks = re.findall(r'href="http://[^/]+(/t/c/[^"]+)"', html)
    led = [client.get(path)["Location"] for path in clicks if not path.endswith(f"/{TRAP_INDEX}")]
    assert led == [OWN, "https://elsewhere.example/", DATA]
    assert show_again(message).is_identical


@pytest.mark.django_db
def test_links_that_are_not_tracked_carry_the_parameters_themselves() -> None:
    message = sent(tracked=False)
    html = read_mail(bytes(MailboxMessage.objects.get().raw)).html
    hrefs = [found.replace("&amp;", "&") for found in re.findall(r'href="([^"]+)"', html)]
    assert hrefs[:3] == [OWN, "https://elsewhere.example/", DATA]
    assert show_again(message).is_identical


@pytest.mark.django_db
def test_what_was_launched_keeps_its_parameters(client: Client) -> None:
    client.force_login(User.objects.create_user("m@example.com", role=Role.MARKETER))
    people(1)
    campaign = draft()
    address = f"/campaigns/{campaign.key}/tags/"
    wanted = {"utm_source": "news", "utm_medium": "email", "utm_campaign": "spring"}
    client.post(address, wanted)
    assert CampaignTags.objects.get().edited_by is not None
    launch(campaign.pk)
    client.post(address, wanted | {"utm_source": "changed"})
    assert CampaignTags.objects.get().utm_source == "news"


@pytest.mark.django_db
def test_a_line_break_in_a_parameter_is_refused(client: Client) -> None:
    client.force_login(User.objects.create_user("m@example.com", role=Role.MARKETER))
    campaign = draft()
    answer = client.post(
        f"/campaigns/{campaign.key}/tags/", {"utm_source": "a\u2028b", "utm_medium": "e", "utm_campaign": "c"}
    )
    assert "Use one line" in answer.content.decode()
    assert not CampaignTags.objects.exists()
