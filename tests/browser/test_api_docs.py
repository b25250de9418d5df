"""The API's documentation is drawn under the strict content security policy."""

from playwright.sync_api import Page, expect


def test_the_api_is_documented_without_a_complaint_of_the_browser(page: Page, complaints: list[str]) -> None:
    page.goto("/api/docs/")
    expect(page.get_by_role("heading", name="Regards API")).to_be_visible()
    expect(page.get_by_text("/api/v1/content/{slot}")).to_be_visible()
    assert complaints == []
