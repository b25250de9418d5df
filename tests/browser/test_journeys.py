"""The pages of journeys in a browser: clean, and readable on a phone."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page

from tests.browser.looks import PHONE, Axe, Screenshot, wide_elements
from tests.campaigns.journeys.going import enrol, journey, later, walk
from tests.campaigns.making import BRITISH, people

ASKED = {"name": "is-british", "branch": BRITISH, "no": "end"}
STEPS = {
    "trigger": {"event": "product_added"},
    "goal": {"event": "order_placed", "within": {"days": 2}},
    "steps": [
        {"name": "three-hours", "wait": {"for": {"hours": 3}}},
        ASKED,
        {"name": "reminder", "send": {"template": "cart"}},
        {"name": "two-days", "wait": {"event": "order_placed", "at_most": {"days": 2}}, "happened": "end"},
        {"name": "last-word", "send": {"template": "cart"}},
    ],
}


@pytest.mark.parametrize("path", ["/journeys/", "/journeys/new/", "/journeys/cart/", "/journeys/cart/edit/"])
def test_the_pages_are_clean(
    page: Page, axe: Axe, complaints: list[str], screenshot: Screenshot, path: str
) -> None:
    way = journey(STEPS)
    many = people(9) + people(2, country="FR")
    enrol(way, *many[:6], many[-1])
    walk(way)
    later(timedelta(hours=3))
    walk(way)
    enrol(way, *many[6:9])
    walk(way)
    page.goto(path)
    assert axe(page) == []
    assert complaints == []
    screenshot(page, "journey" + path.replace("/", "-").rstrip("-"))
    page.set_viewport_size(PHONE)
    assert wide_elements(page) == []


def test_a_run_is_tried(page: Page, axe: Axe, complaints: list[str], screenshot: Screenshot) -> None:
    journey(STEPS)
    (one,) = people(1)
    page.goto("/journeys/cart/try/")
    page.get_by_label("Customer").fill(str(one.email))
    page.get_by_label("Enters at").fill("2026-11-27 08:00")
    page.get_by_role("button", name="Try it").click()
    page.get_by_text("Fri 27 Nov 2026 11:00").first.wait_for()
    assert axe(page) == []
    assert complaints == []
    screenshot(page, "journey-tried")
