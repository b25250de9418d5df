"""Rules on their pages: written with a live check, compared, simulated; clean, and on a phone."""

from playwright.sync_api import Page, expect

from customers.models import Consent, Customer
from rules.drafts import save_draft
from rules.models import RuleSet
from rules.versions import publish_document
from tests.browser.looks import PHONE, Axe, Screenshot, wide_elements
from tests.rules.conftest import BRITISH, LOYAL, case, document
from tests.segments.worlds import NOW


def test_the_rule_pages_are_clean_and_fit_a_phone(
    page: Page, axe: Axe, complaints: list[str], screenshot: Screenshot
) -> None:
    hero = RuleSet.objects.create(key="hero", name="Hero", slot="hero")
    publish_document(hero, document(BRITISH), note="start")
    publish_document(hero, document(BRITISH, LOYAL), note="Loyal customers see their own picture")
    save_draft(
        hero, document({**BRITISH, "then": {"show": "gb"}}, BRITISH | {"name": "too late"}), author=None
    )
    stored = case(hero, "Britons see Britain", {"attributes": {"country": "GB"}}, {"show": "uk"})
    for number in range(3):
        person = Customer.objects.create(first_name=f"Person {number}", country="GB")
        Consent.objects.create(customer=person, is_granted=True, changed_at=NOW, source="test")
    for name, address in {
        "rules": "/rules/",
        "rule-set": "/rules/hero/",
        "rule-set-compared": "/rules/hero/?from=1&to=2",
        "rule-set-edit": "/rules/hero/edit/",
        "rule-set-simulated": "/rules/hero/simulate/?segment=",
        "rule-test": f"/rules/hero/tests/{stored.pk}/",
        "rule-settings": "/rules/hero/settings/",
    }.items():
        page.goto(address)
        page.wait_for_load_state("networkidle")
        screenshot(page, name)
        assert axe(page) == []
        page.set_viewport_size(PHONE)
        assert wide_elements(page) == []
        page.set_viewport_size({"width": 1400, "height": 900})
    assert complaints == []


def test_rules_are_checked_while_they_are_typed(page: Page, complaints: list[str]) -> None:
    hero = RuleSet.objects.create(key="hero", name="Hero", slot="hero")
    case(hero, "Britons see Britain", {"attributes": {"country": "GB"}}, {"show": "uk"})
    page.goto("/rules/hero/edit/")
    check = page.locator("#check")
    expect(check).to_contain_text("number of orders is at least 3")
    expect(check).to_contain_text("show: expected “uk”, the rules say “name-of-another-block”.")
    page.get_by_label("Rules", exact=True).fill("rules: []\notherwise: {show: uk}")
    expect(check).to_contain_text("Otherwise: show “uk”.")
    expect(check).to_contain_text("passes")
    page.get_by_label("Rules", exact=True).fill("rules: [")
    expect(check).to_contain_text("This cannot be read yet")
    assert complaints == []
