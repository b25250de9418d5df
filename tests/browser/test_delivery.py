"""The page that says how delivery is: everything stopped, a refusing provider, resting domains; wide and narrow."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from common.clock import now
from customers.consent import grant
from customers.models import Customer
from delivery import breaker, domains, heartbeats, warming
from delivery.models import Dispatch, Message, Sender, WarmUp
from tests.browser.looks import PHONE, Axe, Screenshot, choose_theme, wide_elements

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_all_sending_is_stopped_and_allowed_again_by_hand(
    page: Page, axe: Axe, complaints: list[str], screenshot: Screenshot
) -> None:
    sender = Sender.objects.create(name="News", from_name="The Shop", from_email="news@shop.example")
    other = Sender.objects.create(name="Offers", from_name="The Shop", from_email="offers@shop.example")
    reader = Customer.objects.create(email="ada@example.com")
    grant([reader.pk], source="test")
    for name, kind, rate in (("Winter sale", "campaign", None), ("Welcome", "journey", 5)):
        dispatch = Dispatch.objects.create(name=name, kind=kind, sender=sender, rate_per_second=rate)
        Message.objects.create(dispatch=dispatch, customer=reader)
    heartbeats.beat(dispatch_id=dispatch.pk, settled=12_400, waits_for="its own rate of 5 a second")
    breaker.shut(other.pk, reason="503 Service Unavailable", retry_after=timedelta(minutes=5))
    domains.set_rate("gmail.com", 100)
    domains.rest("web.de", reason="it asks to come again later", lasting=timedelta(hours=1))
    warming.plan(sender, [50, 100])
    WarmUp.objects.update(used=20, day=now().date())
    page.goto("/delivery/")
    page.get_by_label("Mails a second of Winter sale").fill("12")
    page.get_by_role("button", name="Keep the rate of Winter sale").click()
    expect(page.get_by_text("Winter sale goes out at most 12 a second.")).to_be_visible()
    screenshot(page, "delivery-busy")
    assert axe(page) == []
    page.get_by_label("Reason").fill("The prices of the winter sale are wrong")
    page.get_by_role("button", name="Stop all sending").click()
    page.get_by_role("dialog").get_by_role("button", name="Stop all sending").click()
    expect(page.locator(".stopped-note")).to_contain_text("The prices of the winter sale are wrong")
    assert axe(page) == []
    for theme in ("light", "dark"):
        choose_theme(page, theme)
        screenshot(page, f"delivery-stopped-{theme}")
    page.set_viewport_size(PHONE)
    assert wide_elements(page) == []
    screenshot(page, "delivery-stopped-phone")
    page.get_by_label("Reason").fill("They are right")
    page.get_by_role("button", name="Allow sending again").click()
    page.get_by_role("dialog").get_by_role("button", name="Allow sending").click()
    expect(page.locator(".stopped-note")).to_have_count(0)
    assert complaints == []
