"""A marketer brings Hillstrom's experiment: upload, columns, verdict; clean for axe, in both themes, on a phone."""

import os
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from experiments.models import Experiment
from tests.browser.looks import PHONE, Axe, Screenshot, choose_theme, wide_elements

FILE = Path(__file__).resolve().parents[3] / "shared" / "data" / "hillstrom_email.csv.gz"


@pytest.fixture
def seen(page: Page, axe: Axe, screenshot: Screenshot):
    """Look at the page as it is: axe in both themes, screenshots, a phone's width."""
    found: dict[str, list[str]] = {}

    def look(name: str) -> None:
        expect(page.locator("[data-chart]:not([data-drawn])")).to_have_count(0)
        found[name] = axe(page)
        for theme in ("light", "dark"):
            choose_theme(page, theme)
            screenshot(page, f"import-experiment-{name}-{theme}")
        size = page.viewport_size
        page.set_viewport_size(PHONE)
        found[name] += wide_elements(page)
        screenshot(page, f"import-experiment-{name}-phone")
        page.set_viewport_size(size)

    yield look
    assert {name: one for name, one in found.items() if one} == {}


@pytest.mark.shared_data
def test_an_experiment_that_ran_elsewhere_is_brought_and_judged(
    page: Page, complaints: list[str], seen, settings, tmp_path: Path
) -> None:
    if not FILE.exists():
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent("../shared/data/hillstrom_email.csv.gz is absent: the import was not tried in a browser")
    settings.IMPORTS_DIR = tmp_path
    page.goto("/experiments/")
    page.get_by_role("link", name="Import").click()
    seen("upload")
    page.get_by_label("CSV file").set_input_files(FILE)
    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_label("Control", exact=True)).to_have_value("8:No E-Mail")
    expect(page.get_by_label("The control got no mail")).to_be_checked()
    expect(page.get_by_label("visit", exact=True)).to_have_value("rate")
    expect(page.get_by_label("spend", exact=True)).to_have_value("money")
    expect(page.get_by_label("history", exact=True)).to_have_value("before")
    seen("columns")
    page.get_by_label("Currency").fill("USD")
    page.get_by_label("Planned split").fill("halves")
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("“halves” is no planned share")).to_be_visible()
    complaints.clear()  # the refusal's status is 400, which the browser notes as an error
    page.get_by_label("Planned split").fill("equal")
    page.get_by_role("button", name="Import").click()

    expect(page.get_by_text("Mens E-Mail does better than No E-Mail.")).to_be_visible()
    for figure in ("10.62%", "18.28%", "15.14%", "$0.653", "$1.423", "$1.077"):
        expect(page.locator("td").filter(has_text=figure).first).to_be_visible()
    seen("result")
    page.goto("/experiments/?shelf=finished")
    seen("list")
    assert Experiment.objects.get().decided_variant == "mens-e-mail"
    assert complaints == []
