"""Pages of when: a time is planned in words, put on the schedule, and shown by zone."""

from datetime import date, time

import pytest
from django.urls import reverse
from playwright.sync_api import Page, expect

from campaigns.launching import database_time
from campaigns.models import Campaign, ContactCap
from campaigns.recurring import spawn
from segments import membership
from tests.browser.looks import PHONE, Axe, Screenshot, choose_theme, wide_elements
from tests.campaigns.making import people
from tests.campaigns.planning_making import due, planned


@pytest.fixture
def campaigns(transactional_db: None) -> dict[str, str]:
    """A draft for all zones, a series with an occurrence, one that is held, and caps; addresses by name."""
    for zone in ("Asia/Tokyo", "America/New_York", "Europe/London"):
        people(4, timezone=zone)
    zones = planned(
        "All the world",
        timing_kind="zone",
        send_on=date(2099, 12, 1),
        send_at=time(9),
        quiet_from=time(21),
        quiet_until=time(8),
    )
    membership.refresh(zones.segment, cause="schedule")
    series = due(planned("News", repeats="weekly"))
    spawn(series.pk, at=database_time())
    held = planned("Too late")
    Campaign.objects.filter(pk=held.pk).update(
        state="held", held_because="It was to be launched this morning."
    )
    ContactCap.objects.create(most=3, within_days=7)
    return {
        "zones": reverse("campaigns:detail", args=[zones.key]),
        "series": reverse("campaigns:detail", args=[series.key]),
        "held": reverse("campaigns:detail", args=[held.key]),
        "when": reverse("campaigns:timing", args=[zones.key]),
        "caps": reverse("campaigns:limits"),
        "list": reverse("campaigns:list"),
    }


def test_the_pages_are_clean_in_both_themes_and_on_a_phone(
    page: Page, campaigns: dict[str, str], axe: Axe, complaints: list[str], screenshot: Screenshot
) -> None:
    for name, address in campaigns.items():
        page.goto(address, wait_until="networkidle")
        assert axe(page) == [], name
        for theme in ("light", "dark"):
            choose_theme(page, theme)
            screenshot(page, f"campaign-time-{name}-{theme}")
        page.set_viewport_size(PHONE)
        assert wide_elements(page) == [], name
        screenshot(page, f"campaign-time-{name}-phone")
        page.set_viewport_size({"width": 1280, "height": 900})
    assert complaints == []


def test_the_form_says_what_will_happen_and_the_plan_who_is_mailed_when(
    page: Page, campaigns: dict[str, str]
) -> None:
    page.goto(campaigns["when"])
    said = page.locator("#what-happens")
    expect(said).to_contain_text("On Tuesday 1 December 2099, each person gets the mail when it is 09:00")
    page.get_by_label("To everybody at one moment").check()
    expect(said).to_contain_text("On Tuesday 1 December 2099 at 09:00 in UTC the mails go out to everybody.")
    page.goto(campaigns["zones"])
    expect(page.get_by_role("row", name="Asia/Tokyo Tue 09:00 Tue 1 Dec, 00:00 4")).to_be_visible()
    page.get_by_role("button", name="Schedule").click()
    page.get_by_role("dialog").get_by_role("button").last.click()
    expect(page.get_by_text("It launches itself on 30 November 2099 at 19:00 UTC")).to_be_visible()
