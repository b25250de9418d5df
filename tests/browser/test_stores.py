"""The page of stores is clean, wide and narrow."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from common.clock import now
from products.models import Promotion, Store
from tests.browser.looks import PHONE, Axe, Screenshot, wide_elements

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_stores_and_what_is_on_there(
    page: Page, axe: Axe, complaints: list[str], screenshot: Screenshot
) -> None:
    page.goto("/stores/")
    assert axe(page) == []
    screenshot(page, "stores-empty")
    for name, region in (("Leeds", "Yorkshire"), ("Dublin", "Leinster")):
        Store.objects.create(
            name=f"Northwind {name}",
            external_id=name.lower(),
            country="GB",
            region=region,
            city=name,
            street="1 Boar Lane",
            postal_code="LS1 6EN",
            opening_hours="Mon–Sat 9–18",
            latitude=53,
            longitude=-1,
        )
    Promotion.objects.create(
        key="boots",
        name="Boots week",
        headline="20 % off all boots",
        regions=["Yorkshire"],
        starts_at=now() - timedelta(days=1),
        ends_at=now() + timedelta(days=6),
    )
    page.goto("/stores/")
    assert axe(page) == []
    screenshot(page, "stores")
    page.set_viewport_size(PHONE)
    assert wide_elements(page) == []
    screenshot(page, "stores-phone")
    page.get_by_label("Find by name").fill("leinster")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("table", name="Stores")).not_to_contain_text("Leeds")
    assert complaints == []
