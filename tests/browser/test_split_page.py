"""The result of a journey's split: readable in both themes and on a phone, clean for axe."""

import pytest
from playwright.sync_api import Page, expect

from experiments.models import Experiment
from tests.browser.looks import PHONE, Axe, Screenshot, choose_theme, wide_elements
from tests.campaigns.journeys.going import journey
from tests.reports.test_splits import DOCUMENT, halves, won


@pytest.fixture
def split(transactional_db: None) -> Experiment:
    """A split that has a winner."""
    made = halves()
    journey(DOCUMENT)
    won()
    return made


def test_the_page_of_a_split(
    split: Experiment, page: Page, axe: Axe, complaints: list[str], screenshot: Screenshot
) -> None:
    page.goto(f"/experiments/{split.key}/split/")
    expect(page.locator("[data-chart]:not([data-drawn])")).to_have_count(0)
    assert axe(page) == []
    for theme in ("light", "dark"):
        choose_theme(page, theme)
        screenshot(page, f"split-{theme}")
    page.set_viewport_size(PHONE)
    assert wide_elements(page) == []
    assert complaints == []
