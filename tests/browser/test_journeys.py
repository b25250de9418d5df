"""The pages of journeys in a browser: clean, and readable on a phone."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page

from tests.browser.looks import PHONE, Axe, Screenshot, choose_theme, wide_elements
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


@pytest.mark.parametrize(
    "path",
    ["steps/", "steps/change/two-days/", "steps/change/is-british/", "steps/new/wait-until/?after=two-days"],
)
def test_the_pages_of_steps_are_clean(
    page: Page, axe: Axe, complaints: list[str], screenshot: Screenshot, path: str
) -> None:
    journey(STEPS)
    page.goto(f"/journeys/cart/{path}")
    assert axe(page) == []
    assert complaints == []
    name = "journey-" + path.partition("?")[0].rstrip("/").replace("/", "-")
    for theme in ("light", "dark"):
        choose_theme(page, theme)
        screenshot(page, f"{name}-{theme}")
    page.set_viewport_size(PHONE)
    assert wide_elements(page) == []
    screenshot(page, f"{name}-phone")


def test_a_step_is_added_by_hand(page: Page, complaints: list[str]) -> None:
    journey(STEPS)
    page.goto("/journeys/cart/steps/")
    page.get_by_role("link", name="Add below step reminder").click()
    page.get_by_role("link", name="Wait a while").click()
    page.get_by_label("Name").fill("three-days")
    page.get_by_label("How long").fill("3")
    page.get_by_role("button", name="Add the step").click()
    page.get_by_text("4. Wait 3 days").wait_for()
    page.get_by_role("button", name="Move step three-days up").click()
    page.get_by_text("3. Wait 3 days").wait_for()
    assert complaints == []


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
