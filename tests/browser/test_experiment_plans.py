"""Pages of what is planned about an experiment: clean, readable on a phone, and answering while one types."""

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from campaigns.launching import launch
from campaigns.models import Campaign
from experiments.models import Experiment
from segments import membership
from tests.browser.looks import DESKTOP, PHONE, Axe, Screenshot, choose_theme, wide_elements
from tests.campaigns.making import arm, draft, people

SUBJECTS = [
    arm("Plain", percent=33),
    arm("Question", percent=33, subject="{{ customer.first_name }}, ready?"),
    arm("Offer", percent=34, subject="20 % off", send_shift_hours=3),
]


@pytest.fixture
def pages(transactional_db: None) -> dict[str, str]:
    """A form, a draft with three subjects and its plan, a series that learns, and a frozen plan; addresses by name."""
    people(240)
    campaign = draft("Which subject", no_mail=10, baseline_percent=0, arms=SUBJECTS, tests="subject")
    membership.refresh(campaign.segment, cause="edit")
    Experiment.objects.filter(pk=campaign.experiment_id).update(
        primary_metric="human_click", smallest_effect=0.2, expected_value=0.05, method="pocock", looks=4
    )
    series = draft("News", arms=[arm("One", percent=50), arm("Two", percent=50)])
    Campaign.objects.filter(pk=series.pk).update(repeats="weekly", draws_arms_anew=True)
    Experiment.objects.filter(pk=series.experiment_id).update(allocation="bandit")
    launch(draft("Sent").pk)
    return {
        "new": reverse("campaigns:new"),
        "arms": reverse("campaigns:detail", args=["which-subject"]),
        "plan": reverse("campaigns:experiment_plan", args=["which-subject"]),
        "series": reverse("campaigns:detail", args=["news"]),
        "series-plan": reverse("campaigns:experiment_plan", args=["news"]),
        "frozen": reverse("campaigns:experiment_plan", args=["sent"]),
    }


def test_the_pages_are_clean_in_both_themes_and_on_a_phone(
    page: Page, pages: dict[str, str], axe: Axe, complaints: list[str], screenshot: Screenshot
) -> None:
    for name, address in pages.items():
        page.goto(address, wait_until="networkidle")
        if name == "new":
            page.locator("details.arm summary").nth(1).click()
        assert axe(page) == [], name
        for theme in ("light", "dark"):
            choose_theme(page, theme)
            screenshot(page, f"experiment-{name}-{theme}")
        page.set_viewport_size(PHONE)
        assert wide_elements(page) == [], name
        screenshot(page, f"experiment-{name}-phone")
        page.set_viewport_size(DESKTOP)
    assert complaints == []


def test_the_forms_answer_while_they_are_filled_in(page: Page, pages: dict[str, str]) -> None:
    page.goto(pages["new"], wait_until="networkidle")
    said = page.locator("#split")
    expect(said).to_contain_text(
        "Of 10,000 people 1,000 get no mail, 4,500 get the baseline and 4,500 get Personalised."
    )
    page.get_by_label("Share, %").first.fill("60")
    page.get_by_label("Share, %").first.blur()
    expect(said).to_contain_text("The shares of the arms make 60 %: they have to add up to 100 % (60).")
    page.goto(pages["plan"], wait_until="networkidle")
    outlook = page.locator("#outlook")
    expect(outlook).to_contain_text("times as many as for one look at the end")
    page.get_by_label("Once, at the end").check()
    expect(outlook).not_to_contain_text("times as many")
