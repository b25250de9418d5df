"""A preview is the mail that would be sent."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Role, User
from campaigns.models import Campaign
from campaigns.previewing import preview
from campaigns.publishing import save_block
from campaigns.sending import send_due
from customers.models import Customer
from delivery.mailbox import read_mail
from delivery.models import MailboxMessage, Message
from rules.versions import publish_document
from tests.campaigns.making import bestsellers, draft, launched, letter, people, rules

pytestmark = pytest.mark.django_db
BODY = (
    '{% slot "hero" %}<mj-text>Nothing special</mj-text>{% endslot %}'
    "{% recommendations k: 2 %}<mj-text>{{ product.name }}</mj-text>{% endrecommendations %}"
    "<mj-text>From {{ sender.name }} about {{ campaign.name }}</mj-text>"
)
BRITISH = {"attribute": "country", "value": "GB"}


def shown(campaign: Campaign, arm: str, customer: Customer | None) -> str:
    """The preview of what an arm gets."""
    version = campaign.variants.get(variant__key=arm).template_version
    return preview(version, customer_id=customer.pk if customer else None).rendered.html


def test_the_preview_of_each_arm_says_what_its_mail_said() -> None:
    bestsellers(4)
    save_block(key="uk", name="UK", mjml="<mj-text>Made for rain</mj-text>")
    steered = {"show": "uk", "recommend": {"products": ["p3"]}, "exclude": {"products": ["p0"]}}
    rules({"name": "GB", "when": BRITISH, "then": steered}, otherwise={})
    people(8)
    campaign, counted = launched(body=BODY, baseline=BODY + "<mj-text>A</mj-text>", strategy="bestsellers")
    send_due(counted.dispatch_id)
    for arm, words in (
        ("a", ["Nothing special", "Product 0", "Product 1"]),
        ("b", ["Made for rain", "Product 3", "Product 1"]),
    ):
        message = Message.objects.filter(variant_key=arm).select_related("customer")[0]
        mail = read_mail(bytes(MailboxMessage.objects.get(key=message.provider_id).raw)).html
        html = shown(campaign, arm, message.customer)
        assert [word in html for word in words] == [True] * 3
        assert visible(html) == visible(mail)


def visible(html: str) -> list[str]:
    """The words of the body, without the addresses of links."""
    lines = [
        line for line in html.partition("<body")[2].splitlines() if "href" not in line and "<img" not in line
    ]
    return [line.strip() for line in lines if line.strip()]


def test_somebody_unknown_sees_the_fallbacks() -> None:
    bestsellers(2)
    save_block(key="rest", name="Rest", mjml="<mj-text>For everybody</mj-text>")
    rules(otherwise={"show": "rest"})
    html = shown(draft(body=BODY), "b", None)
    assert "For everybody" in html
    assert "Product 0" in html
    assert "From Shop about Spring" in html


def test_a_version_that_no_campaign_sends_is_shown_with_the_live_rules() -> None:
    save_block(key="old", name="Old", mjml="<mj-text>Old</mj-text>")
    save_block(key="new", name="New", mjml="<mj-text>Brand new</mj-text>")
    first = rules(otherwise={"show": "old"})
    publish_document(first.rule_set, {"rules": [], "otherwise": {"show": "new"}})
    assert "Brand new" in preview(letter("alone", BODY), customer_id=None).rendered.html


def test_a_mail_that_a_rule_suppresses_is_said_not_to_be_sent() -> None:
    rules({"name": "GB", "when": BRITISH, "then": {"suppress": True}}, otherwise={"set": {"x": 1}})
    [customer] = people(1)
    campaign = draft(body=BODY)
    version = campaign.variants.get(variant__key="b").template_version
    client = Client()
    client.force_login(User.objects.create_user("vi@example.com", role=Role.VIEWER))
    url = reverse("campaigns:template_preview", args=[version.pk])
    assert b"nothing would be sent" in client.get(url, {"customer": customer.pk}).content
    assert b"Nothing special" in client.get(url).content
    page = client.get(reverse("campaigns:template", args=[version.template.key])).content.decode()
    assert "As the arm “Personalised” of" in page
