"""The registry, the inspector and what every engine says are clean in light and dark and whole on a phone."""

import pytest
from playwright.sync_api import Page, expect

from common import clock
from recommendations.external.models import ExternalModel, ExternalRecommendation
from recommendations.training import train
from rules.models import RuleSet
from rules.versions import publish_document
from tests.browser.looks import DESKTOP, PHONE, Axe, Screenshot, choose_theme, wide_elements
from tests.recommendations.conftest import NOW, Shop, models_dir, shop

__all__ = ["models_dir", "shop"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_registry_the_inspector_and_the_engines_are_clean_and_fit_a_phone(
    page: Page, shop: Shop, axe: Axe, complaints: list[str], screenshot: Screenshot
) -> None:
    version = train(now=NOW)
    version.metrics["drift"] = {
        "against": "blend v0",
        "as_of": NOW.isoformat(),
        "columns": {"purchases": 0.31},
    }
    version.save(update_fields=["metrics"])
    _ranked_elsewhere(shop)
    rule_set = RuleSet.objects.create(key="no-p5", name="No p5", slot="products")
    publish_document(rule_set, {"rules": [], "otherwise": {"exclude": {"products": ["p5"]}}})
    address = f"/recommendations/inspect/{shop.customers[0].public_id}/"
    pages = {"registry": "/recommendations/", "inspector": address, "engines": f"{address}engines/"}
    for name, path in pages.items():
        page.set_viewport_size(DESKTOP)
        page.goto(path)
        assert axe(page) == [], name
        for theme in ("dark", "light"):
            choose_theme(page, theme)
            screenshot(page, f"recommendations-{name}-{theme}")
        page.set_viewport_size(PHONE)
        assert wide_elements(page) == [], name
        screenshot(page, f"recommendations-{name}-phone")
    expect(page.get_by_text("A model elsewhere").first).to_be_visible()
    expect(page.get_by_text("Because they bought").first).to_be_visible()
    assert complaints == []


def _ranked_elsewhere(shop: Shop) -> None:
    now = clock.now()
    ExternalModel.objects.create(
        key="twin",
        gives="recommendations",
        source="http",
        location="https://models.example/rank",
        is_in_use=True,
        asked_at=now,
        answered_at=now,
        verdict="120 customers given products by version 7.",
    )
    ExternalRecommendation.objects.create(
        customer=shop.customers[0],
        product_ids=[shop.products[n].pk for n in (3, 9)],
        version="7",
        computed_at=now,
    )
