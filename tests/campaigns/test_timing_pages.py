"""Pages of when: what is entered is stored, bad input is named, and who may do what."""

import re
from datetime import date, time
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import Role
from campaigns.drafting import create_campaign
from campaigns.launching import launch
from campaigns.models import Campaign, CampaignTags, ContactCap, Pilot
from campaigns.timing_forms import TimingForm
from segments import membership
from tests.campaigns.making import people
from tests.campaigns.planning_making import due, planned
from tests.campaigns.test_pages import signed_in

pytestmark = pytest.mark.django_db
ZONE = {"timing_kind": "zone", "send_on": "2099-12-01", "send_at": "09:00"}
PILOT = {"percent": 20, "wait_hours": 4} | dict.fromkeys(Pilot.LIMITS, 1)
TAGS = {"utm_source": "regards", "utm_medium": "email", "utm_campaign": "spring"}


@pytest.fixture
def marketer(db: None) -> Client:
    return signed_in(Role.MARKETER)


def post(client: Client, name: str, campaign: Campaign, **data: object) -> str:
    """What the page says after a press or a form."""
    return client.post(reverse(f"campaigns:{name}", args=[campaign.key]), data, follow=True).content.decode()


def test_a_time_is_planned_scheduled_and_taken_off_again(marketer: Client) -> None:
    people(2)
    campaign = planned()
    post(marketer, "timing", campaign, **ZONE, quiet_from="21:00", quiet_until="08:00")
    campaign.refresh_from_db()
    assert (campaign.timing_kind, campaign.send_on, campaign.quiet_from) == (
        "zone",
        date(2099, 12, 1),
        time(21),
    )
    page = post(marketer, "schedule", campaign)
    assert "On the schedule: it launches itself at Mon 30 Nov 2099, 19:00 UTC." in page
    assert "It launches itself on 30 November 2099 at 19:00 UTC, scheduled by marketer@example.com." in page
    assert "Off the schedule." in post(marketer, "unschedule", campaign)
    campaign.refresh_from_db()
    assert campaign.state == "draft"


@pytest.mark.parametrize(
    ("data", "field", "sentence"),
    [
        ({"timing_kind": "zone", "send_at": "09:00"}, "send_on", "Say on which day."),
        ({"send_on": "2099-12-01"}, "send_at", "Say at which time of the day."),
        ({"quiet_from": "21:00"}, "quiet_until", "Say when the quiet hours end."),
        (
            {"quiet_from": "21:00", "quiet_until": "21:00"},
            "quiet_until",
            "They would last all day: nothing would ever be sent.",
        ),
        (
            {**ZONE, "send_on": "2099-12-31", "repeats": "monthly"},
            "send_on",
            "Choose a day up to the 28th: not every month has the others.",
        ),
        (
            {**ZONE, "repeats": "daily", "repeats_until": "2099-11-30"},
            "repeats_until",
            "The last day is before the first.",
        ),
        ({"timezone": "Mars/Olympus"}, "timezone", None),
        ({"priority": "7"}, "priority", None),
        ({"send_on": "0000-13-99"}, "send_on", None),
    ],
)
def test_bad_input_is_named_at_its_field(data: dict[str, str], field: str, sentence: str | None) -> None:
    form = TimingForm(data)
    assert not form.is_valid()
    assert list(form.errors) == [field]
    assert sentence is None or form.errors[field] == [sentence]


def test_a_habit_needs_a_day_and_no_time() -> None:
    form = TimingForm({"timing_kind": "habit", "send_on": "2099-12-01"})
    assert form.is_valid(), form.errors


def test_nothing_entered_is_one_moment_at_the_launch() -> None:
    form = TimingForm({})
    assert form.is_valid(), form.errors
    values = form.values()
    assert (values["timing_kind"], values["past_zones"], values["priority"]) == ("moment", "tomorrow", 0)
    assert (values["send_on"], values["timezone"], values["ignores_caps"]) == (None, "UTC", False)


def test_a_held_campaign_says_why_and_goes_on_with_one_press(marketer: Client) -> None:
    people(2)
    campaign = planned()
    Campaign.objects.filter(pk=campaign.pk).update(state="held", held_because="Nobody was there.")
    page = marketer.get(reverse("campaigns:detail", args=[campaign.key])).content.decode()
    assert "Nobody was there." in page
    assert "Launched: 2 people in the snapshot." in post(marketer, "launch", campaign)


def test_who_may_not_launch_may_not_schedule() -> None:
    campaign = planned(send_on=date(2099, 1, 1), send_at=time(9))
    viewer = signed_in(Role.VIEWER)
    for name in ("schedule", "unschedule", "timing"):
        assert viewer.post(reverse(f"campaigns:{name}", args=[campaign.key])).status_code == 403
    campaign.refresh_from_db()
    assert campaign.state == "draft"


def test_a_launched_campaign_has_no_time_to_change(marketer: Client) -> None:
    people(2)
    campaign = planned()
    launch(campaign.pk)
    url = reverse("campaigns:timing", args=[campaign.key])
    assert marketer.post(url, ZONE).status_code == 404
    assert "may have been launched just now" in post(marketer, "unschedule", campaign)


def test_a_series_on_the_schedule_is_not_moved_past_its_last_day(marketer: Client) -> None:
    campaign = due(planned(repeats="daily"))
    page = post(
        marketer,
        "timing",
        campaign,
        send_on="2020-01-01",
        send_at="09:00",
        repeats="daily",
        repeats_until="2020-01-05",
    )
    assert "The last day of the series is past." in page


def test_the_plan_is_shown_before_and_after_the_launch(marketer: Client) -> None:
    people(3, timezone="Asia/Tokyo")
    campaign = planned(timing_kind="zone", send_on=date(2099, 12, 1), send_at=time(9))
    url = reverse("campaigns:plan", args=[campaign.key])
    assert "Nobody is in the segment" in marketer.get(url).content.decode()
    membership.refresh(campaign.segment, cause="schedule")
    before = marketer.get(url).content.decode()
    assert "Asia/Tokyo" in before
    assert "Tue 1 Dec, 00:00" in before
    launch(campaign.pk)
    assert "Tue 1 Dec 2099, 00:00" in marketer.get(url).content.decode()


def test_caps_are_added_once_and_removed(marketer: Client) -> None:
    url = reverse("campaigns:limits")
    assert "No caps yet" in marketer.get(url).content.decode()
    for _ in range(2):
        page = marketer.post(url, {"most": 3, "within_days": 7}, follow=True).content.decode()
    assert "already" in page
    [cap] = ContactCap.objects.all()
    refused = marketer.post(url, {"most": 0, "within_days": 8}).content.decode()
    assert "Ensure this value is greater than or equal to 1." in refused
    assert ContactCap.objects.count() == 1
    marketer.post(reverse("campaigns:limit_remove", args=[cap.pk]))
    assert not ContactCap.objects.exists()


def test_the_list_is_paged_and_leaves_occurrences_to_their_series(marketer: Client) -> None:
    first = planned("First")
    child = planned("Child")
    Campaign.objects.filter(pk=child.pk).update(parent=first, occurrence=1)
    page = marketer.get(reverse("campaigns:list")).content.decode()
    assert ">First</a>" in page
    assert ">Child</a>" not in page


def test_a_file_says_when(tmp_path: Path) -> None:
    planned("Any")
    (tmp_path / "mail.mjml").write_text(
        "<mjml><mj-body><mj-section><mj-column><mj-text>"
        '<a href="{{ unsubscribe_url }}">Bye</a></mj-text></mj-column></mj-section></mj-body></mjml>'
    )
    letter = "{key: a, subject: Hello, mjml: mail.mjml}"
    file = tmp_path / "campaign.yaml"
    file.write_text(
        f"name: From a file\nsegment: british\nsender: {{from_email: a@shop.example, from_name: Shop}}\n"
        "primary_metric: conversion\nno_mail_percent: 10\nbaseline_percent: 50\n"
        f"baseline_template: {letter}\nbaseline_strategy: bestsellers\n"
        f"treatment_template: {letter}\ntreatment_strategy: for_you\n"
        'timing_kind: zone\nsend_on: 2099-12-01\nsend_at: "09:00"\nquiet_from: "21:00"\nquiet_until: "08:00"\n'
        "priority: 1\ntopic: news\n"
    )
    campaign = create_campaign(file)
    campaign.refresh_from_db()
    assert campaign.timing().at == time(9)
    assert (campaign.send_on, campaign.priority, campaign.topic) == (date(2099, 12, 1), 1, "news")


def test_what_is_asked_before_a_launch_is_plain_text(marketer: Client) -> None:
    people(2)
    campaign = planned()
    membership.refresh(campaign.segment, cause="schedule")
    page = marketer.get(reverse("campaigns:detail", args=[campaign.key])).content.decode()
    [question] = re.findall(r'data-confirm="([^"]*)"', page)
    assert question.startswith("Launch this campaign to British? The segment held 2 people on ")
    assert "<" not in question


def test_what_is_on_the_schedule_changes_who_may_launch_alone(marketer: Client, settings: Settings) -> None:
    settings.LAUNCH_NEEDS_APPROVER = True
    refusal = "It is on the schedule: whoever may launch changes it, or take it back to a draft first."
    campaign = due(planned(timing_kind="zone"), minutes_ago=-600)
    plans = {"timing": ZONE, "pilot_plan": PILOT, "tags": TAGS}
    for name, data in plans.items():
        assert refusal in post(marketer, name, campaign, **data)
    before = campaign.send_on
    campaign.refresh_from_db()
    assert (campaign.send_on, campaign.state) == (before, "scheduled")
    assert not Pilot.objects.exists()
    assert not CampaignTags.objects.exists()
    approver = signed_in(Role.APPROVER)
    for name, data in plans.items():
        assert refusal not in post(approver, name, campaign, **data)
    campaign.refresh_from_db()
    assert (campaign.send_on, campaign.state) == (date(2099, 12, 1), "scheduled")
    assert (Pilot.objects.count(), CampaignTags.objects.count()) == (1, 1)
