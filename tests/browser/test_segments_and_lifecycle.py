"""Lists, health and the lifecycle: clean in light and dark, whole on a phone; a stage is changed, its effect seen."""

from importlib import import_module

import pytest
from django.apps import apps
from playwright.sync_api import Page, expect

from customers.models import Customer, CustomerFacts
from segments import lists, membership
from segments.models import LifecycleStage, Segment
from segments.starters import Shop, install
from tests.browser.looks import DESKTOP, PHONE, Axe, Screenshot, choose_theme, wide_elements

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def shop() -> None:
    import_module("segments.migrations.0009_default_stages").install(apps, None)
    for number in range(30):
        person = Customer.objects.create(
            first_name=f"Person {number}",
            email=f"p{number}@example.com",
            country="GB" if number % 3 else "IE",
        )
        CustomerFacts.objects.create(customer=person, orders_count=0)
    membership.refresh_all()
    CustomerFacts.objects.filter(customer__first_name__endswith="3").update(orders_count=2)
    install(Shop())
    british = Segment(
        key="british", name="British", condition={"attribute": "country", "value": "GB"}, is_core=True
    )
    membership.store(british)
    bought = {"fact": "orders_count", "op": "gte", "value": 1}
    membership.store(Segment(key="british-buyers", name="British buyers", condition=bought, parent=british))
    fair = Segment(key="fair", name="Met at the fair", kind="static")
    membership.store(fair)
    lists.fill(fair, lists.read(["email\n", "p1@example.com\n", "who@example.com\n"]), name="fair.csv")
    membership.refresh_all()


def test_the_pages_are_clean_and_fit_a_phone(
    page: Page, shop: None, axe: Axe, complaints: list[str], screenshot: Screenshot
) -> None:
    for name, address in {
        "segment-tree": "/segments/",
        "segment-detail": "/segments/british/",
        "segment-members": "/segments/british/members/",
        "segment-changes": "/segments/british/changes/",
        "segment-list": "/segments/fair/",
        "segment-list-fill": "/segments/new/list/",
        "segment-waiting": "/segments/ltv-high/",
        "segment-health": "/segments/health/",
        "lifecycle": "/lifecycle/",
        "lifecycle-changes": "/lifecycle/changes/",
        "lifecycle-order": "/lifecycle/?order=churned,at-risk,active,loyal,new",
    }.items():
        page.goto(address)
        for chart in page.locator("[data-chart]").all():
            expect(chart).to_have_attribute("data-drawn", "yes")
        screenshot(page, name)
        assert axe(page) == [], name
        page.set_viewport_size(PHONE)
        assert wide_elements(page) == [], name
        page.set_viewport_size({"width": 1400, "height": 900})
    assert complaints == []


def test_a_stage_is_changed_after_its_effect_was_seen(
    page: Page, shop: None, axe: Axe, complaints: list[str], screenshot: Screenshot
) -> None:
    page.goto("/lifecycle/active/edit/")
    expect(page.locator("#count")).to_contain_text("0 customers would move")
    page.get_by_label("Value").fill("3")
    expect(page.locator("#count")).to_contain_text("3 customers would move")
    screenshot(page, "stage-editor")
    assert axe(page) == []
    page.get_by_role("button", name="Save and judge everybody").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Lifecycle")
    assert LifecycleStage.objects.get(key="active").member_count == 0
    assert complaints == []


def test_a_segment_is_written_in_sentences_of_every_kind(
    page: Page, shop: None, axe: Axe, complaints: list[str], screenshot: Screenshot
) -> None:
    page.goto("/segments/new/")
    page.get_by_label("Name").fill("Good people")
    page.get_by_label("Value").fill("GB")
    for number, kind in enumerate(("Behaviour", "Stage", "Prediction", "Consent"), start=2):
        page.get_by_role("button", name=kind, exact=True).click()
        expect(page.get_by_role("group", name=f"Condition {number}", exact=True)).to_be_visible()
    page.get_by_label("What is counted").select_option("sum:value")
    expect(page.get_by_text("EUR in the last")).to_be_visible()
    page.get_by_label("Number of EUR").fill("500.50")
    page.get_by_label("Stage", exact=True).select_option("loyal")
    page.get_by_label("Purpose").select_option("marketing_email")
    expect(page.locator("#count")).to_contain_text("is in the top 20 % by ltv")
    screenshot(page, "segment-sentences")
    assert axe(page) == []
    page.set_viewport_size(PHONE)
    choose_theme(page, "dark")
    assert wide_elements(page) == []
    screenshot(page, "segment-sentences-phone-dark")
    page.set_viewport_size(DESKTOP)
    page.get_by_role("button", name="Save and refresh").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Good people")
    assert Segment.objects.get(key="good-people").condition == {
        "all": [
            {"attribute": "country", "op": "eq", "value": "GB"},
            {"event": "order_placed", "sum": {"of": "value", "gte": 50050}, "within": {"days": 30}},
            {"stage": "loyal"},
            {"score": "ltv", "op": "top_percent", "value": 20},
            {"consent": "marketing_email"},
        ]
    }
    assert complaints == []
