"""Segments are built in sentences, without a reload, a complaint or a gap in access."""

import pytest
from playwright.sync_api import Page, expect

from customers.models import Customer
from segments import membership
from segments.models import Segment
from tests.browser.looks import PHONE, Axe, Screenshot, wide_elements
from tests.segments.test_conditions_in_words import AT_RISK

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def british() -> Segment:
    for number, country in enumerate(["GB", "GB", "DE"]):
        Customer.objects.create(first_name=f"Person {number}", country=country)
    condition = {"attribute": "country", "value": "GB"}
    segment = Segment.objects.create(key="british", name="British", condition=condition)
    membership.refresh(segment)
    return segment


def test_a_segment_is_built_in_sentences_while_the_count_follows(
    page: Page, british: Segment, axe: Axe, complaints: list[str], screenshot: Screenshot
) -> None:
    page.goto("/segments/new/")
    page.get_by_label("Name", exact=True).fill("Quiet Britons")
    page.get_by_label("Value").fill("GB")
    expect(page.locator("#count")).to_contain_text("2 of 3 customers")
    page.get_by_role("button", name="Behaviour").click()
    page.get_by_label("Has or has not").select_option("no")
    expect(page.locator("#count")).to_contain_text("has not placed an order in the last 30 days")
    page.get_by_role("button", name="Group").click()
    second = page.get_by_label("Condition 3.1")
    second.get_by_label("What").select_option("fact:orders_count")
    expect(second.get_by_label("How it compares")).to_have_value("eq")
    second.get_by_label("Value").fill("0")
    expect(page.locator("#count")).to_contain_text("number of orders is exactly 0")
    screenshot(page, "segment-editor")
    assert axe(page) == []
    page.get_by_role("button", name="Save and refresh").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Quiet Britons")
    assert Segment.objects.get(key="quiet-britons").member_count == 2
    assert complaints == []


def test_the_segment_pages_are_clean_and_fit_a_phone(
    page: Page, british: Segment, axe: Axe, complaints: list[str], screenshot: Screenshot
) -> None:
    Segment.objects.create(key="at-risk", name="At risk", condition=AT_RISK)
    somebody = Customer.objects.exclude(country="GB").get().public_id
    for name, address in {
        "segments": "/segments/",
        "segment": "/segments/british/",
        "segment-why": f"/segments/british/why/{somebody}/",
        "segment-edit": "/segments/at-risk/edit/",
    }.items():
        page.goto(address)
        screenshot(page, name)
        assert axe(page) == []
        page.set_viewport_size(PHONE)
        assert wide_elements(page) == []
        page.set_viewport_size({"width": 1400, "height": 900})
    assert complaints == []
