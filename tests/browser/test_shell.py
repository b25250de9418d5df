"""The shell in a real browser: themes, phone width, navigation, parts, errors."""

import re

import pytest
from playwright.sync_api import Page, expect
from pytest_django import Settings

from tests.browser.looks import PHONE, Axe, Screenshot, choose_theme, wide_elements


@pytest.fixture(autouse=True)
def gallery_urls(settings: Settings) -> None:
    settings.ROOT_URLCONF = "tests.browser.gallery"


def open_gallery(page: Page) -> None:
    page.goto("/gallery/")
    expect(page.locator("[data-chart]:not([data-drawn])")).to_have_count(0)
    page.evaluate("document.fonts.ready")


def test_the_gallery_is_clean_for_axe_in_both_themes(page: Page, axe: Axe) -> None:
    open_gallery(page)
    assert axe(page) == []


def test_the_gallery_raises_no_complaint_of_the_browser(page: Page, complaints: list[str]) -> None:
    open_gallery(page)
    assert complaints == []


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_sticks_out_on_a_phone(page: Page, theme: str, screenshot: Screenshot) -> None:
    page.set_viewport_size(PHONE)
    open_gallery(page)
    choose_theme(page, theme)
    assert wide_elements(page) == []
    screenshot(page, f"gallery-phone-{theme}")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_gallery_is_drawn_in_both_themes(page: Page, theme: str, screenshot: Screenshot) -> None:
    open_gallery(page)
    choose_theme(page, theme)
    assert page.locator("html").get_attribute("data-bs-theme") == theme
    assert page.locator(".chart-canvas svg").count() == 5
    screenshot(page, f"gallery-{theme}")


def test_the_chosen_theme_is_there_before_the_page_is_drawn(page: Page) -> None:
    page.goto("/gallery/empty/")
    choose_theme(page, "dark")
    page.route(re.compile(r"/static/js/(shell|charts)\.js"), lambda route: route.abort())
    page.goto("/gallery/empty/", wait_until="commit")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_auto_follows_the_system(page: Page) -> None:
    page.goto("/gallery/empty/")
    choose_theme(page, "auto")
    page.emulate_media(color_scheme="dark")
    expect(page.locator("html")).to_have_attribute("data-bs-theme", "dark")


def test_the_menu_folds_on_a_phone(page: Page) -> None:
    page.set_viewport_size(PHONE)
    page.goto("/gallery/empty/")
    expect(page.get_by_role("navigation", name="Main")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    expect(page.get_by_role("button", name="Menu")).to_have_attribute("aria-expanded", "true")


def test_the_first_tab_stop_skips_to_the_content(page: Page) -> None:
    page.goto("/gallery/empty/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()


def test_cancelling_the_confirmation_sends_nothing(page: Page) -> None:
    open_gallery(page)
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.get_by_role("button", name="Launch").click()
    expect(page.get_by_role("dialog")).to_contain_text("400 customers get this message now.")
    page.get_by_role("button", name="Cancel").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert sent == []


def test_a_question_says_what_no_means(page: Page) -> None:
    open_gallery(page)
    page.locator("form[data-confirm]").evaluate("form => form.dataset.confirmNo = 'Keep it'")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    page.get_by_role("button", name="Launch").click()
    page.get_by_role("dialog").get_by_role("button", name="Keep it").click()
    expect(page.get_by_role("dialog")).to_be_hidden()
    assert sent == []


def test_confirming_sends_the_form(page: Page) -> None:
    open_gallery(page)
    page.get_by_role("button", name="Launch").click()
    with page.expect_request(lambda request: request.method == "POST"):
        page.get_by_role("dialog").get_by_role("button", name="Launch").click()


def test_progress_replaces_itself_until_it_is_done(page: Page) -> None:
    page.goto("/gallery/")
    expect(page.locator("#progress")).to_contain_text("All 400 messages are sent.")
    expect(page.locator("#progress [hx-get]")).to_have_count(0)


def test_a_definition_opens_by_keyboard_and_stays_in_the_window(page: Page) -> None:
    page.set_viewport_size(PHONE)
    page.goto("/gallery/")
    page.get_by_role("button", name="baseline").press("Enter")
    text = page.locator(".definition-text:popover-open")
    expect(text).to_contain_text("without personalisation")
    box = text.bounding_box()
    assert box and box["x"] >= 0 and box["x"] + box["width"] <= PHONE["width"]


def test_a_message_can_be_closed(page: Page) -> None:
    page.goto("/gallery/")
    page.get_by_role("button", name="Close this message").first.click()
    expect(page.locator(".page-messages .callout")).to_have_count(1)


def test_the_numbers_of_a_chart_are_in_a_table(page: Page) -> None:
    open_gallery(page)
    page.get_by_text("Show the numbers").nth(1).click()
    row = page.locator("figure").nth(1).get_by_role("row").nth(1)
    expect(row).to_have_text("Open rate1.2 %−1.0 %3.0 %")


def test_signing_in_with_a_wrong_password_says_so(visitor: Page, axe: Axe, screenshot: Screenshot) -> None:
    visitor.goto("/login/")
    visitor.get_by_label("Email").fill("ada@example.com")
    visitor.get_by_label("Password").fill("wrong")
    visitor.get_by_role("button", name="Sign in").click()
    expect(visitor.locator(".callout-red")).to_contain_text("Please enter a correct email and password.")
    assert axe(visitor) == []
    screenshot(visitor, "login")


def test_signing_out_is_a_post_and_leads_to_the_login(page: Page) -> None:
    page.goto("/gallery/empty/")
    page.locator(".user-menu summary").click()
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()


@pytest.mark.parametrize("code", [400, 403, 404])
def test_an_error_page_is_clean_for_axe(page: Page, code: int, axe: Axe, screenshot: Screenshot) -> None:
    page.goto(f"/gallery/error/{code}/")
    expect(page.locator(".empty-header")).to_have_text(str(code))
    assert axe(page) == []
    assert wide_elements(page) == []
    screenshot(page, f"error-{code}")


def test_the_page_for_a_broken_server_needs_nothing(page: Page) -> None:
    page.goto("/gallery/error/500/")
    expect(page.get_by_role("heading")).to_have_text("Something went wrong on our side")
    assert page.locator("link, script").count() == 0


def test_an_empty_page_is_clean_for_axe(page: Page, axe: Axe, screenshot: Screenshot) -> None:
    page.goto("/gallery/empty/")
    assert axe(page) == []
    screenshot(page, "empty")
