"""A marketer brings a list: upload, columns, check, import, error file; clean for axe, in both themes, on a phone."""

import csv
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from customers.importing.people import jobs
from customers.models import Consent, Customer, PeopleImport
from tests.browser.looks import PHONE, Axe, Screenshot, choose_theme, wide_elements

LIST = """Kundennr;E-Mail;Vorname;Geburtstag;Land;Newsletter;Clubkarte
7;ann@example.com;Ann;31.12.1980;Deutschland;ja;gold
8;bob@example.com;Bob;01.02.1975;GB;nein;
9;cleo@example;Cleo;;IE;ja;silver
10;dan@example.com;Dan;31.02.1990;FR;ja;
7;ann@example.com;Ann;31.12.1980;DE;ja;gold
"""


@pytest.fixture
def seen(page: Page, axe: Axe, screenshot: Screenshot):
    """Look at the page as it is: axe in both themes, screenshots, a phone's width."""
    found: dict[str, list[str]] = {}

    def look(name: str) -> None:
        found[name] = axe(page)
        for theme in ("light", "dark"):
            choose_theme(page, theme)
            screenshot(page, f"import-{name}-{theme}")
        size = page.viewport_size
        page.set_viewport_size(PHONE)
        found[name] += wide_elements(page)
        screenshot(page, f"import-{name}-phone")
        page.set_viewport_size(size)

    yield look
    assert {name: one for name, one in found.items() if one} == {}


def test_a_list_is_brought_checked_and_imported(
    page: Page, complaints: list[str], seen, settings, tmp_path: Path
) -> None:
    settings.REJECTS_DIR, settings.IMPORTS_DIR = tmp_path / "rejects", tmp_path / "imports"
    path = tmp_path / "Frühling 2026.csv"
    path.write_bytes(LIST.encode("cp1252"))

    page.goto("/customers/")
    page.locator("main section").get_by_role("link", name="Import a list").click()
    seen("empty")
    page.get_by_label("CSV file").set_input_files(path)
    page.get_by_role("button", name="Upload").click()

    expect(page.get_by_label("Vorname")).to_have_value("first_name")
    expect(page.get_by_label("Newsletter", exact=True)).to_have_value("consent")
    page.get_by_label("Clubkarte").select_option("attribute")
    page.get_by_role("button", name="Check the list").click()
    expect(page.get_by_text("without proof no consent is recorded")).to_be_visible()
    seen("mapping")
    page.get_by_label("How and when they agreed").fill("Double opt-in of the old newsletter, since May 2018.")
    page.get_by_role("button", name="Check the list").click()

    expect(page.get_by_text("It begins as soon as the worker is free.")).to_be_visible()
    seen("checking")
    job = PeopleImport.objects.get()
    jobs.advance(job.pk)
    expect(page.get_by_text("This is what would happen")).to_be_visible()
    expect(
        page.get_by_text("1 × The same person stands in an earlier row; the first row counts.")
    ).to_be_visible()
    assert not Customer.objects.exists()
    seen("checked")

    page.get_by_role("button", name="Import 2 rows").click()
    expect(page.get_by_text("You may leave this page.")).to_be_visible()
    jobs.advance(job.pk)
    expect(page.get_by_text("All 5 rows are accounted for.")).to_be_visible()
    seen("done")
    ann = Customer.objects.get(email="ann@example.com")
    assert (str(ann.birth_date), ann.country, ann.attributes) == ("1980-12-31", "DE", {"clubkarte": "gold"})
    assert Consent.objects.get(customer=ann).is_granted

    assert complaints == []  # a download is a navigation that the browser calls aborted
    with page.expect_download() as download:
        page.get_by_role("link", name="Download these rows").click()
    rows = list(csv.reader(Path(download.value.path()).read_text("utf-8").splitlines()))
    assert [row[:3] for row in rows[1:]] == [
        ["3", "bad_address", "9"],
        ["4", "bad_birth_date", "10"],
        ["5", "duplicate", "7"],
    ]
    page.goto("/customers/import/")
    seen("list")


def test_a_segment_is_taken_away_as_a_file(page: Page, complaints: list[str], seen) -> None:
    from segments import membership
    from segments.models import Segment

    Customer.objects.create(email="ann@example.com", first_name="=Ann", country="GB")
    segment = Segment.objects.create(
        key="uk", name="British", condition={"attribute": "country", "value": "GB"}
    )
    membership.refresh(segment)
    page.goto("/segments/uk/")
    page.get_by_role("link", name="Export").click()
    seen("export")
    assert complaints == []
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    lines = Path(download.value.path()).read_text("utf-8").splitlines()
    assert lines[1].split(",")[1:3] == ["ann@example.com", "'=Ann"]
