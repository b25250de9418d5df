"""The pages of senders: clean in both themes and on a phone, and a test mail that arrives."""

import pytest
from playwright.sync_api import Page, expect

from common.clock import now
from delivery.letters import send_waiting
from delivery.models import Sender, SenderCheck
from tests.browser.looks import PHONE, Axe, Screenshot, choose_theme, wide_elements

FINDINGS = [
    {"topic": "SPF", "tone": "success", "sentence": "The SPF record says who may send: v=spf1 mx ~all"},
    {"topic": "DKIM", "tone": "danger", "sentence": "There is no DKIM key at pm._domainkey.shop.example."},
    {
        "topic": "DMARC",
        "tone": "warning",
        "sentence": "DMARC only watches: p=none lets forged mails through.",
    },
]


@pytest.fixture
def sender(transactional_db: None) -> Sender:
    one = Sender.objects.create(name="Shop news", from_name="The Shop", from_email="news@shop.example")
    SenderCheck.objects.create(sender=one, finished_at=now(), findings=FINDINGS)
    return one


def test_the_pages_of_senders_are_clean(
    page: Page, sender: Sender, axe: Axe, complaints: list[str], screenshot: Screenshot
) -> None:
    found: dict[str, object] = {}
    for name, address in {
        "senders": "/senders/",
        "sender": f"/senders/{sender.pk}/",
        "sender-way": "/senders/new/",
        "sender-smtp": "/senders/new/smtp/",
        "sender-edit": f"/senders/{sender.pk}/edit/?way=postmark",
    }.items():
        page.goto(address)
        found[name] = axe(page)
        for theme in ("light", "dark"):
            choose_theme(page, theme)
            screenshot(page, f"{name}-{theme}")
        page.set_viewport_size(PHONE)
        found[f"{name}-phone"] = wide_elements(page)
        screenshot(page, f"{name}-phone")
        page.set_viewport_size({"width": 1280, "height": 900})
    assert {name: findings for name, findings in found.items() if findings} == {}
    assert complaints == []


def test_a_colleague_sends_a_test_and_sees_it_taken(page: Page, sender: Sender) -> None:
    page.goto(f"/senders/{sender.pk}/")
    page.get_by_role("button", name="Send me a test").click()
    expect(page.get_by_text("waiting", exact=True)).to_be_visible()
    send_waiting()
    expect(page.get_by_text("the way out has taken it")).to_be_visible()
