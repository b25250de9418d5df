"""An experiment with a verdict, looks and people who wait: readable in both themes and on a phone, clean for axe."""

from datetime import timedelta

import pytest
from django.db.models import F
from playwright.sync_api import Page, expect

from campaigns.models import Campaign
from common.clock import now
from delivery.models import Message, MessageEvent
from experiments.models import Experiment, Look
from reports import looks
from tests.browser.looks import PHONE, Axe, Screenshot, choose_theme, wide_elements
from tests.campaigns.test_winning import waiting
from tests.reports.running import DAY, members, orders, same_people

PLAN = {"method": "obrien_fleming", "looks": 3, "expected_value": 0.3, "smallest_effect": 0.3}


@pytest.fixture
def decided(transactional_db: None) -> Campaign:
    """A campaign of five days ago whose second look named a winner."""
    same_people(600)
    campaign = waiting(no_mail=10, guardrails=["unsubscribe", "bounce"], **PLAN)
    began = now() - 5 * DAY
    Message.objects.filter(state="queued").update(state="sent", sent_at=began)
    Campaign.objects.update(launched_at=began)
    Message.objects.update(due_at=began)
    Look.objects.update(due_at=F("due_at") - 5 * DAY)
    campaign.refresh_from_db()
    everybody = [one for key in ("a", "b", "no_mail") for one in members(campaign, key)]
    for number in range(3):
        orders(everybody[number::3], began - 20 * DAY, total=1_500 * number)
    for day in range(4):
        for key, number in (("a", 6), ("b", 14), ("no_mail", 1)):
            buyers = members(campaign, key)[day * number : (day + 1) * number]
            orders(buyers, began + day * DAY + timedelta(hours=5), total=2_000 + 700 * day)
    for kind, key, number in (
        ("opened", "a", 70),
        ("opened", "b", 80),
        ("clicked", "a", 15),
        ("clicked", "b", 30),
    ):
        for mail in Message.objects.filter(customer__in=members(campaign, key)[:number]):
            MessageEvent.objects.create(
                message=mail, kind=kind, occurred_at=began + DAY, dedupe_key=f"{kind}{mail.pk}"
            )
    for day in (2.5, 4.8):
        looks.take_due(at=began + day * DAY)
    Experiment.objects.update(
        hypothesis="Personal shelves sell more.", learnings="They do, most of all tents."
    )
    return campaign


def test_the_page_of_a_decided_experiment(
    decided: Campaign, page: Page, axe: Axe, complaints: list[str], screenshot: Screenshot
) -> None:
    page.goto("/experiments/spring/")
    expect(page.locator("[data-chart]:not([data-drawn])")).to_have_count(0)
    expect(page.get_by_text("people wait.")).to_be_visible()
    assert axe(page) == []
    choose_theme(page, "light")
    screenshot(page, "experiment-decided")
    choose_theme(page, "dark")
    screenshot(page, "experiment-decided-dark")
    page.set_viewport_size(PHONE)
    assert wide_elements(page) == []
    screenshot(page, "experiment-decided-phone")
    page.goto("/experiments/?shelf=finished")
    assert axe(page) == []
    screenshot(page, "experiments-finished")
    assert complaints == []
