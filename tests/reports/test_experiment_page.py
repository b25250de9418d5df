"""What an experiment's page promises is what the analysis does, and what was decided stays as it was said."""

import csv
from html import unescape
from io import StringIO

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry, Role, User
from experiments.models import Experiment, Look, Variant
from reports import looks
from tests.campaigns.making import arm, launched, people
from tests.campaigns.test_winning import waiting
from tests.reports.running import DAY, bought, members, orders, running

pytestmark = pytest.mark.django_db
PLANNED = {"method": "obrien_fleming", "looks": 3, "expected_value": 0.3}


@pytest.fixture
def page(client: Client) -> Client:
    client.force_login(User.objects.create_user("view@example.com"))
    return client


@pytest.fixture
def editor(client: Client) -> Client:
    client.force_login(User.objects.create_user("edit@example.com", role=Role.MARKETER))
    return client


def html(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(unescape(answer.content.decode()).replace("\u202f", " ").replace("\xa0", " ").split())


def test_the_promise_of_no_false_finding_names_its_family_and_its_level(page: Client) -> None:
    people(20)
    campaign, _ = launched()
    Experiment.objects.update(alpha=0.1)
    found = html(page, f"/experiments/{campaign.key}/")
    assert "Within one holdout and metric, Holm's procedure keeps the chance" in found
    assert "10.0 % at most" in found


def test_a_campaign_to_nobody_says_that_there_is_nothing_to_compare(page: Client) -> None:
    people(1)
    campaign, _ = launched()
    assert "Nothing to compare" in html(page, f"/experiments/{campaign.key}/")


def test_between_looks_the_page_gives_no_verdict_and_names_the_next_look(page: Client) -> None:
    campaign = running(200, **PLANNED)
    bought(campaign, 5, 60, after=0 * DAY)
    found = html(page, "/experiments/spring/")
    assert "Too early to judge: the next planned look is on" in found
    assert "wins." not in found


def test_what_a_look_decided_stays_word_for_word_whatever_comes_after(page: Client) -> None:
    campaign = running(200, **PLANNED)
    bought(campaign, 5, 40)
    looks.take_due(at=campaign.launched_at + 3 * DAY)
    sentence = Look.objects.get(is_deciding=True).sentence
    orders(members(campaign, "a")[20:80], campaign.launched_at)
    found = html(page, "/experiments/spring/")
    assert sentence in found
    assert "at look 1 of 3" in found
    assert "decides nothing any more" in found


def test_the_figures_that_decided_early_are_shown_apart_from_those_of_now(page: Client) -> None:
    campaign = running(200, **PLANNED)
    bought(campaign, 5, 40)
    at = campaign.launched_at + 3 * DAY
    looks.take_due(at=at)
    seen = list(Look.objects.all())
    decided = looks.as_decided(looks.sight_of(campaign, as_of=at), seen).deciding
    orders(members(campaign, "a")[20:80], campaign.launched_at)
    sight = looks.sight_of(campaign, as_of=at)
    assert looks.seen_now(sight, seen).deciding[0].difference.low < 0
    assert looks.as_decided(sight, seen).deciding == decided
    assert (decided[0].significant, decided[0].control.converters, decided[0].treatment.converters) == (
        True,
        5,
        40,
    )
    assert decided[0].difference.low > 0
    found = html(page, "/experiments/spring/")
    assert "As decided" in found
    assert decided[0].sentence in found


def test_wrong_sizes_found_later_come_before_the_decision(page: Client) -> None:
    campaign = running(200, **PLANNED)
    bought(campaign, 5, 40)
    looks.take_due(at=campaign.launched_at + 3 * DAY)
    Variant.objects.filter(key="a").update(weight=9_000)
    assert "This result is not valid" in html(page, "/experiments/spring/")


def test_every_part_that_a_statistician_asks_for_is_there(page: Client) -> None:
    campaign = running(60, no_mail=20, smallest_effect=0.2, guardrails=["unsubscribe", "bounce"])
    bought(campaign, 3, 6, after=0 * DAY)
    found = html(page, "/experiments/spring/")
    for part in (
        "What the e-mail was worth",
        "All arms, all metrics",
        "Day by day",
        "Judged once, when the last window is over",
        "Delivered, between mailed arms",
        "The planned effect of 20 % is found with a power of",
        "Bounced",
        "Chances are no rule for stopping",
        "by machines only",
        "Cross-sell",
        "The books add up",
        "nothing known before",
    ):
        assert part in found


def test_the_number_of_queries_does_not_depend_on_the_number_of_people(page: Client) -> None:
    campaign = running(20, no_mail=20)
    html(page, "/experiments/spring/")
    counts = []
    for more in (0, 40):
        orders(members(campaign, "b")[: more // 5], campaign.launched_at)
        with CaptureQueriesContext(connection) as queries:
            html(page, "/experiments/spring/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


def test_the_file_has_the_figures_of_the_page(client: Client) -> None:
    client.force_login(User.objects.create_user("ana@example.com", role=Role.ANALYST))
    campaign = running(60, no_mail=20)
    bought(campaign, 3, 6, after=0 * DAY)
    rows = list(csv.DictReader(StringIO(client.get("/experiments/spring/figures.csv").content.decode())))
    converters = {row["arm"]: row["value"] for row in rows if row["metric"] == "converters"}
    assert converters == {"a": "3", "b": "6", "no_mail": "0"}
    assert [row["value"] for row in rows if row["metric"] == "revenue_minor"] == ["6000", "12000", "0"]
    assert AuditEntry.objects.filter(action="downloaded a result").count() == 1


def test_a_viewer_takes_no_file_away_and_is_offered_none(page: Client) -> None:
    running(2)
    assert "figures.csv" not in html(page, "/experiments/spring/")
    assert page.get("/experiments/spring/figures.csv").status_code == 403


def test_who_may_take_files_away_is_offered_one(editor: Client) -> None:
    running(2)
    assert 'href="/experiments/spring/figures.csv"' in html(editor, "/experiments/spring/")


def test_what_was_learnt_is_kept_and_found_again(editor: Client) -> None:
    campaign = running(200)
    bought(campaign, 5, 40)
    looks.take_due(at=campaign.launched_at + 8 * DAY)
    editor.post("/experiments/spring/learnings/", {"learnings": " Personal shelves sell tents. "})
    assert Experiment.objects.get().learnings == "Personal shelves sell tents."
    found = html(editor, "/experiments/?shelf=finished&q=tents")
    assert "Learnt: Personal shelves sell tents." in found
    assert "Personalised wins." in found
    assert "Nothing found" in html(editor, "/experiments/?shelf=finished&q=canoes")


def test_running_ones_are_shown_first_and_archived_ones_apart(editor: Client) -> None:
    campaign = running(20)
    assert "It is judged on" in html(editor, "/experiments/")
    answer = editor.post("/experiments/spring/archive/", follow=True)
    assert "It has no verdict yet" in answer.content.decode()
    looks.take_due(at=campaign.launched_at + 8 * DAY)
    assert "No experiment is running" in html(editor, "/experiments/")
    editor.post("/experiments/spring/archive/")
    assert "None has finished yet" in html(editor, "/experiments/?shelf=finished")
    assert "Spring" in html(editor, "/experiments/?shelf=archived")
    editor.post("/experiments/spring/restore/")
    assert Experiment.objects.get().archived_at is None


def test_a_viewer_writes_and_archives_nothing(page: Client) -> None:
    running(2)
    assert page.post("/experiments/spring/learnings/", {"learnings": "x"}).status_code == 403
    assert page.post("/experiments/spring/archive/").status_code == 403
    assert Experiment.objects.get().learnings == ""


def test_the_page_tells_what_those_get_who_wait(page: Client) -> None:
    waiting(40)
    assert "people wait." in html(page, "/experiments/spring/")


def test_a_later_arm_held_against_people_without_mail_is_warned_of(page: Client) -> None:
    people(40)
    later = arm("Later", send_shift_hours=24)
    launched(no_mail=20, arms=[later])
    assert "Later: due later than the plan’s time. Who gets no mail is counted" in html(
        page, "/experiments/spring/"
    )
    launched("Mailed only", arms=[later])
    assert "Not the same days" not in html(page, "/experiments/mailed-only/")
