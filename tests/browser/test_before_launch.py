"""The pages around a launch in a browser: clean in both themes, and readable on a phone."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page

from accounts.models import Role, User
from campaigns import approving, preflighting
from campaigns.launching import launch
from campaigns.models import Campaign, CampaignTags, Pilot
from campaigns.sending import send_due
from customers.models import Customer
from tests.browser.looks import DESKTOP, PHONE, Axe, Screenshot, choose_theme, wide_elements
from tests.campaigns.making import draft, people

NAMES = ("Ada", "Grace", "Emmy", "Lise", "Mary")
LETTER = (
    '<mj-text>Hello {{ customer.first_name }}, from {{ customer.city | default: "here" }}</mj-text>'
    '{% slot "hero" %}<mj-text>Spring is here</mj-text>{% endslot %}'
    '<mj-text><a href="{{ page }}">Look</a></mj-text>'
)


@pytest.fixture
def campaigns(transactional_db: None) -> dict[str, str]:
    """A draft with all there is to do before it, and a launched one with a pilot; their pages by name."""
    for name in NAMES:
        people(3, first_name=name, attributes={"page": "https://shop.example/"})
    people(2, attributes={"page": "javascript:alert(1)"})
    people(1, country="DE", first_name="Sophie")
    pilot = draft("Winter sale", body=LETTER, baseline=LETTER)
    Pilot.objects.create(campaign=pilot, percent=40)
    send_due(launch(pilot.pk).dispatch_id)
    spring = draft("Spring sale", body=LETTER, baseline=LETTER)
    CampaignTags.objects.create(campaign=spring, utm_campaign="spring-sale")
    preflighting.advance(preflighting.begin(spring, by=None).pk)
    asker = User.objects.create_user("grace@example.com", role=Role.MARKETER)
    asked = Campaign.objects.select_related("segment", "experiment", "sender").get(pk=spring.pk)
    approving.ask(asked, by=asker, note="Goes out before Easter")
    mailed = pilot.recipients.select_related("customer")[0].customer
    outside = Customer.objects.get(first_name="Sophie")
    return {
        "preflight": reverse("campaigns:preflight", args=["spring-sale"]),
        "preflight-none": reverse("campaigns:preflight", args=["winter-sale"]),
        "approvals": reverse("campaigns:approvals"),
        "approval": reverse("campaigns:approval", args=["spring-sale"]),
        "tags": reverse("campaigns:tags", args=["spring-sale"]),
        "pilot-plan": reverse("campaigns:pilot", args=["spring-sale"]),
        "pilot": reverse("campaigns:pilot", args=["winter-sale"]),
        "test-mails": reverse("campaigns:test_send", args=["spring-sale"]),
        "clone": reverse("campaigns:clone", args=["winter-sale"]),
        "why-ask": reverse("campaigns:why_ask", args=["winter-sale"]),
        "why": reverse("campaigns:why", args=["winter-sale", mailed.public_id]),
        "why-outside": reverse("campaigns:why", args=["winter-sale", outside.public_id]),
        "why-of-customer": reverse("campaigns:why_of_customer", args=[mailed.public_id]),
        "campaign-before": reverse("campaigns:detail", args=["spring-sale"]),
    }


def test_the_pages_are_clean_in_both_themes_and_on_a_phone(
    page: Page, campaigns: dict[str, str], axe: Axe, complaints: list[str], screenshot: Screenshot
) -> None:
    found, wide = {}, {}
    for name, address in campaigns.items():
        page.set_viewport_size(DESKTOP)
        response = page.goto(address)
        assert response and response.status == 200, address
        found[name] = axe(page)
        for theme in ("light", "dark"):
            choose_theme(page, theme)
            screenshot(page, f"{name}-{theme}")
        page.set_viewport_size(PHONE)
        wide[name] = wide_elements(page)
        screenshot(page, f"{name}-phone")
    assert {name: one for name, one in found.items() if one} == {}
    assert {name: one for name, one in wide.items() if one} == {}
    assert complaints == []
