"""The pages of predictions are clean in light and dark and whole on a phone, with a model and without."""

from datetime import timedelta

import numpy as np
import pytest
from django.core.cache import cache
from playwright.sync_api import Page, expect

from common import clock
from customers.models import Customer
from recommendations.external.models import ExternalModel
from recommendations.predictions.models import PredictionVersion
from recommendations.predictions.scores import store_scores
from tests.browser.looks import PHONE, Axe, Screenshot, choose_theme, wide_elements
from tests.recommendations.predictions.test_pages import METRICS, version

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
PAGES = {
    "predictions": "",
    "prediction": "churn/",
    "prediction-waiting": "ltv/",
    "prediction-uplift": "uplift/",
    "engagement": "engagement/",
    "interest": "interest/",
}
EFFECT = {
    "treated": 8_123,
    "control": 2_041,
    "treated_rate": 0.0312,
    "control_rate": 0.0264,
    "effect": {"estimate": 0.0048, "low": 0.0011, "high": 0.0085},
    "qini": {"estimate": 0.021, "low": -0.034, "high": 0.077},
    "curve": [0.0, 5.1, 11.2, 15.0, 20.3, 23.9, 27.4, 30.0, 33.5, 36.1, 39.0],
    "days": 7,
    "trials": ["Spring sale", "New tents"],
    "rows": 10_164,
    "columns": {
        "since_order": {"importance": 0.0121, "fill_rate": 0.87},
        "gender": {"importance": 0.0034, "fill_rate": 0.41},
    },
}


@pytest.fixture
def models() -> None:
    cache.clear()
    version(metrics=METRICS)
    waiting = PredictionVersion.Status.WAITING
    version("ltv", status=waiting, verdict="Not enough data: 312 of 500 buyers.")
    version(
        "uplift",
        status=PredictionVersion.Status.REJECTED,
        metrics=EFFECT,
        verdict="No evidence that the effect differs between people: Qini 0.021 (−0.034 to 0.077).",
    )
    now = clock.now()
    people = Customer.objects.bulk_create(Customer(email=f"c{n}@example.com") for n in range(400))
    ids, rng = np.array([one.pk for one in people]), np.random.default_rng(1)
    for kind, values in {
        "churn": rng.beta(2, 5, 400),
        "engagement": rng.gamma(3, 9, 400).clip(0, 99),
        "interest:outdoor/camping/tents": rng.beta(0.5, 0.8, 400),
        "interest:outdoor/climbing": rng.beta(0.5, 2, 400),
        "interest:shoes": rng.beta(0.4, 3, 400),
    }.items():
        store_scores(kind=kind, customers=ids, values=values, version=f"{kind[:8]}-1", now=now)
    ExternalModel.objects.create(
        key="luck",
        source=ExternalModel.Source.HTTP,
        location="https://models.example/score",
        is_in_use=True,
        asked_at=now,
        answered_at=now - timedelta(hours=30),
        verdict="It answered 503. It was asked 3 times.",
    )


def test_the_pages_are_clean_and_fit_a_phone(
    page: Page, models: None, axe: Axe, complaints: list[str], screenshot: Screenshot
) -> None:
    for name, address in PAGES.items():
        page.set_viewport_size({"width": 1280, "height": 900})
        page.goto(f"/recommendations/predictions/{address}")
        assert axe(page) == [], name
        screenshot(page, f"{name}-dark")
        choose_theme(page, "light")
        screenshot(page, name)
        page.set_viewport_size(PHONE)
        assert wide_elements(page) == [], name
        screenshot(page, f"{name}-phone")
    page.goto("/recommendations/predictions/ltv/")
    expect(page.get_by_text("Not enough data: 312 of 500 buyers.").first).to_be_visible()
    assert complaints == []
