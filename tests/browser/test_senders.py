"""The pages of senders: clean in both themes and on a phone, and a test mail that arrives."""

import pytest
from playwright.sync_api import Page, expect
from pytest_django import Settings

from common.clock import now
from customers.models import Customer
from delivery import domain_checks, warming
from delivery.letters import send_waiting
from delivery.models import Dispatch, Message, Sender, SenderCheck, WarmUp, WebhookReceipt
from tests.browser.looks import PHONE, Axe, Screenshot, choose_theme, wide_elements
from tests.delivery.backends.smtp_server import serving
from tests.delivery.test_domain_checks import GOOD, naming

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
    warming.plan(one, warming.STANDARD)
    WarmUp.objects.update(step=2, used=500, day=now().date())
    dispatch = Dispatch.objects.create(name="Winter sale", sender=one)
    people = Customer.objects.bulk_create(Customer(email=f"c{n}@example.com") for n in range(3))
    Message.objects.bulk_create(Message(dispatch=dispatch, customer=person) for person in people)
    WebhookReceipt.objects.create(
        provider="Postmark",
        event_key="e1",
        kind="delivered",
        raw={},
        state="unknown",
        provider_id="0a1b2c3d-4e5f-6789-abcd-0123456789ab",
        told={"recipient": "grace.hopper@a-long-domain-of-somebody.example.com"},
    )
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
        "sender-warm-up": f"/senders/{sender.pk}/warm-up/",
        "unknown-reports": "/unknown/reports/",
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


def test_a_mail_server_is_set_up_tried_and_its_domain_looked_at(
    page: Page, settings: Settings, complaints: list[str]
) -> None:
    settings.OUTBOUND_ALLOWED = ["127.0.0.0/8"]
    with serving() as server:
        page.goto("/senders/new/smtp/")
        page.get_by_label("Name", exact=False).first.fill("Shop news")
        page.get_by_label("From", exact=True).fill("The Shop")
        page.get_by_label("From address").fill("news@shop.example")
        page.get_by_label("Server and port").fill(f"127.0.0.1:{server.port}")
        page.get_by_label("Encryption").select_option("none")
        page.get_by_role("button", name="Save").click()
        page.get_by_role("button", name="Send me a test").click()
        expect(page.get_by_text("waiting", exact=True)).to_be_visible()
        send_waiting()
        expect(page.get_by_text("the way out has taken it")).to_be_visible()
        [mail] = server.log.mails
    assert b"To: Ada Marketer <ada@example.com>" in mail
    page.get_by_role("button", name="Look it up").click()
    with naming(GOOD) as resolver:
        domain_checks.run_waiting(resolver)
    expect(page.get_by_text("What receivers read about shop.example by DNS")).to_be_visible()
    expect(page.get_by_text("SPF", exact=True)).to_be_visible()
    assert complaints == []


def test_a_warm_up_is_planned_and_ended_by_hand(page: Page, complaints: list[str]) -> None:
    sender = Sender.objects.create(name="Offers", from_name="The Shop", from_email="offers@shop.example")
    page.goto(f"/senders/{sender.pk}/")
    page.get_by_role("link", name="Plan a warm-up").click()
    page.get_by_label("Mails on each day, at most").fill("50 100 500")
    page.get_by_role("button", name="Begin today").click()
    expect(page.get_by_text("1 of 3", exact=True)).to_be_visible()
    expect(page.get_by_text("50 of 50")).to_be_visible()
    page.get_by_role("link", name="Change the plan").click()
    page.get_by_role("button", name="End the plan").click()
    page.get_by_role("dialog").get_by_role("button", name="End it").click()
    expect(page.get_by_text("It has no plan")).to_be_visible()
    assert complaints == []


def test_in_a_low_window_the_menu_shows_where_one_is(page: Page, sender: Sender) -> None:
    page.set_viewport_size({"width": 1280, "height": 700})
    page.goto("/senders/")
    expect(page.get_by_role("navigation", name="Main").get_by_role("link", name="Senders")).to_be_in_viewport(
        ratio=1
    )
