"""The pages of predictions are clean in light and dark and whole on a phone, with a model and without."""

import pytest
from django.core.cache import cache
from playwright.sync_api import Page, expect

from recommendations.predictions.models import PredictionVersion
from tests.browser.looks import PHONE, Axe, Screenshot, wide_elements
from tests.recommendations.predictions.test_pages import METRICS, version

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def models() -> None:
    cache.clear()
    version(metrics=METRICS)
    waiting = PredictionVersion.Status.WAITING
    version("ltv", status=waiting, verdict="Not enough data: 312 of 500 buyers.")


def test_the_pages_are_clean_and_fit_a_phone(
    page: Page, models: None, axe: Axe, complaints: list[str], screenshot: Screenshot
) -> None:
    for name, address in {"predictions": "", "prediction": "churn/", "prediction-waiting": "ltv/"}.items():
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(f"/recommendations/predictions/{address}")
        assert axe(page) == [], name
        screenshot(page, name)
        page.set_viewport_size(PHONE)
        assert wide_elements(page) == [], name
        screenshot(page, f"{name}-phone")
    expect(page.get_by_text("Not enough data: 312 of 500 buyers.").first).to_be_visible()
    assert complaints == []
