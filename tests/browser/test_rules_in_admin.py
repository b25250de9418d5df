"""A rule set in the admin: draft, failing test, fix, approval by a second person, publication, and back again."""

import re
from collections.abc import Iterator

import pytest
from django.conf import settings
from django.test import Client
from playwright.sync_api import Browser, Locator, Page, expect
from pytest_django.live_server_helper import LiveServer

from accounts.models import AuditEntry, Role, User
from rules.files import dump_text
from rules.models import RuleSet
from tests.browser.looks import Screenshot, findings_of
from tests.rules.conftest import BRITISH, LOYAL, document

TEST = "Britons see Britain"


@pytest.fixture
def open_as(browser: Browser, live_server: LiveServer) -> Iterator[object]:
    """`open_as(name, role)`: a page of a colleague in a profile of their own."""
    opened = []

    def open_page(name: str, role: str) -> Page:
        user = User.objects.create_user(f"{name}@example.com", role=role, name=name.title(), is_staff=True)
        client = Client()
        client.force_login(user)
        context = browser.new_context(base_url=live_server.url, viewport={"width": 1400, "height": 900})
        context.set_default_timeout(30_000)
        session = client.cookies[settings.SESSION_COOKIE_NAME].value
        context.add_cookies(
            [{"name": settings.SESSION_COOKIE_NAME, "value": session, "url": live_server.url}]
        )
        opened.append(context)
        return context.new_page()

    yield open_page
    for context in opened:
        context.close()


def clean(page: Page) -> list[str]:
    """What axe-core finds in what is ours on an admin page, in light and in dark."""
    found = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.reload()
        found += [f"{scheme}: {one}" for one in findings_of(page, "#content")]
    return found


def write(page: Page, *rules: dict, note: str) -> None:
    link(page, "Edit the draft").click()
    page.get_by_label("Rules").fill(dump_text(document(*rules)))
    page.get_by_label("Note").fill(note)
    page.get_by_role("button", name="Save the draft").click()


def link(page: Page, name: str) -> Locator:
    """A link of the detail page; the name of its icon may stand before its own."""
    return page.get_by_role("link", name=re.compile(rf"(^|\s){name}$"))


def press(page: Page, name: str) -> None:
    link(page, name).click()
    page.get_by_role("button", name=name, exact=True).click()


def test_rules_go_all_the_way_and_back_in_the_admin(open_as, screenshot: Screenshot) -> None:
    hero = RuleSet.objects.create(key="hero", name="Hero", slot="hero", needs_approval=True)
    ada, bob = open_as("ada", Role.MARKETER), open_as("bob", Role.APPROVER)
    address = f"/admin/rules/ruleset/{hero.pk}/change/"

    ada.goto(address)
    write(ada, {**BRITISH, "then": {"show": "gb"}}, note="Britain first")
    ada.get_by_role("link", name="Add another Rule test").click()
    ada.locator("#id_tests-0-name").fill(TEST)
    ada.locator("#id_tests-0-customer").fill("attributes: {country: GB}")
    ada.locator("#id_tests-0-expected").fill("show: uk")
    ada.get_by_role("button", name="Save and continue editing").click()
    expect(ada.locator("body")).to_contain_text(f"“{TEST}” fails: show: expected “uk”, the rules say “gb”.")
    expect(link(ada, "Publish")).to_have_count(0)
    screenshot(ada, "admin-rules-1-failing-test")
    assert clean(ada) == []

    write(ada, BRITISH, note="Britain first")
    expect(ada.locator("body")).to_contain_text("A second person has to approve it first.")
    expect(link(ada, "Approve")).to_have_count(0)
    screenshot(ada, "admin-rules-2-waits-for-approval")

    bob.goto(address)
    link(bob, "Approve").click()
    screenshot(bob, "admin-rules-3-approve")
    assert clean(bob) == []
    bob.get_by_role("button", name="Approve", exact=True).click()
    expect(bob.locator("body")).to_contain_text("Approved: it can be published now.")
    press(bob, "Publish")
    expect(bob.locator("body")).to_contain_text("Version 1 decides from now on.")

    ada.goto(address)
    write(ada, BRITISH, LOYAL, note="Loyal customers too")
    ada.get_by_role("link", name="What differs").click()
    expect(ada.locator("body")).to_contain_text("From version 1 to the draft.")
    screenshot(ada, "admin-rules-4-difference")
    assert clean(ada) == []
    ada.goto(address)
    ada.get_by_role("link", name="Simulate").click()
    expect(ada.get_by_label("Audience")).to_be_visible()
    assert clean(ada) == []
    bob.goto(address)
    press(bob, "Approve")
    press(bob, "Publish")
    expect(bob.locator("body")).to_contain_text("Version 2 decides from now on.")
    screenshot(bob, "admin-rules-5-history")

    bob.get_by_role("link", name="Version 1", exact=True).click()
    bob.get_by_role("link", name="Back to this version").click()
    bob.get_by_role("button", name="Back to version 1").click()
    expect(bob.locator("body")).to_contain_text("Version 3 says what version 1 said, and decides now.")
    screenshot(bob, "admin-rules-6-rolled-back")
    assert clean(bob) == []

    hero.refresh_from_db()
    history = hero.versions.order_by("number").values_list(
        "number", "author__name", "approver__name", "base__number"
    )
    assert list(history) == [(1, "Ada", "Bob", None), (2, "Ada", "Bob", 1), (3, "Bob", None, 1)]
    noted = AuditEntry.objects.filter(action__endswith="rules").values_list("action", flat=True)
    assert sorted(noted).count("approved rules") == 2
    assert AuditEntry.objects.filter(action="rolled rules back", user__name="Bob").exists()
