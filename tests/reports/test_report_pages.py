"""Each report opens with its definitions, in a fixed number of queries, and gives its numbers as a file."""

import csv
import io
from datetime import timedelta

import pytest
from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import AuditEntry, Role, User
from campaigns.models import Campaign
from common.clock import now
from delivery.models import Message
from experiments.models import Variant
from products.models import Product
from reports.cohorts import count_cohorts
from reports.models import CampaignCost, CampaignFigures, CohortFigures, MessagePart, ReportSettings
from reports.pages import adding
from reports.pages.catalogue import BY_NAME
from reports.pages.report import Asked
from reports.refreshing import refresh
from reports.upkeep import bring_up_to_date
from tests.campaigns.making import launched, people
from tests.reports.mailing import DAY, HOUR, buyers, dispatch, hit, mail, order

pytestmark = pytest.mark.django_db
NAMES = sorted(BY_NAME)
RESOLVED = {"rules_fired": ["hero: a"], "recommendations": [{"id": 1, "strategy": "bestsellers"}]}


@pytest.fixture
def analyst(client: Client) -> Client:
    client.force_login(User.objects.create_user("ann@example.com", role=Role.ANALYST))
    return client


def finished(name: str = "Spring") -> Campaign:
    """A campaign to thirty people, sent ten days ago, ten of them held out; some clicked and bought."""
    campaign, _ = launched(name, no_mail=30)
    start = now() - 10 * DAY
    Campaign.objects.filter(pk=campaign.pk).update(launched_at=start, last_due_at=start)
    campaign.recipients.update(due_at=start)
    Message.objects.filter(dispatch=campaign.dispatch_id).update(
        state="sent", sent_at=start, recipient="someone@one.example", resolved=RESOLVED
    )
    for message in Message.objects.filter(dispatch=campaign.dispatch_id).order_by("pk")[:3]:
        hit(message, "clicked", start + HOUR)
        order(message.customer, start + DAY, 2_000, currency=settings.REPORTING_CURRENCY)
    campaign.refresh_from_db()
    return campaign


@pytest.mark.parametrize("name", NAMES)
def test_an_empty_house_is_told_what_to_do_next(analyst: Client, name: str) -> None:
    html = analyst.get(f"/reports/{name}/").content.decode()
    assert "Nothing to report yet" in html
    assert "What the numbers mean" in html


def test_every_report_takes_as_many_queries_for_many_as_for_few(analyst: Client) -> None:
    people(30)
    addresses = ["/reports/", "/reports/campaign/spring/", *(f"/reports/{name}/" for name in NAMES)]
    counts = []
    for round in ("Spring", "Summer"):
        finished(round)
        _journey_mails(3 if round == "Spring" else 20)
        bring_up_to_date()
        CampaignFigures.objects.update(mail_doubt="", personal_doubt="")
        counts.append({address: _queries(analyst, address) for address in addresses})
    few, many = counts
    assert few == many
    assert max(many.values()) <= 16


def _journey_mails(number: int) -> None:
    pile = dispatch("Journey", kind="journey")
    for reader in buyers(number):
        hit(mail(reader, pile, at=now() - 2 * DAY), "opened", now() - DAY)


def _queries(client: Client, address: str) -> int:
    with CaptureQueriesContext(connection) as found:
        answer = client.get(address)
    assert answer.status_code == 200, address
    assert "Nothing to report yet" not in answer.content.decode() or "lifecycle" in address
    return len(found)


def test_the_report_of_a_campaign_has_its_funnel_by_arm_and_part(analyst: Client) -> None:
    people(30)
    campaign = finished()
    bring_up_to_date()
    figures = CampaignFigures.objects.get()
    mailed = sum(arm["assigned"] for arm in figures.arms if arm["role"] != "no_mail")
    html = analyst.get("/reports/campaign/spring/").content.decode()
    assert "This mail brought +€60.00" in html
    assert "Attributed revenue came to €60.00, which is not proof of cause." in html
    lines = list(csv.reader(io.StringIO(_file(analyst, "/reports/campaign/spring/csv/"))))
    start = lines.index(["By domain"])
    assert lines[start + 2] == [
        "one.example",
        str(mailed),
        "1",
        "0",
        f"{3 / mailed:.6g}",
        "0",
        "3.0",
        "60.00",
    ]
    assert lines[lines.index(["By segment"]) + 2][:2] == ["British", str(mailed)]
    assert campaign.dispatch is not None


def test_all_campaigns_give_their_worth_with_its_interval(analyst: Client) -> None:
    people(30)
    finished()
    bring_up_to_date()
    figures = CampaignFigures.objects.get()
    assert figures.mail_worth_minor == 6_000
    [heading, line] = csv.reader(io.StringIO(_file(analyst, "/reports/campaigns/csv/")))
    cells = dict(zip(heading, line, strict=True))
    half = 1.959963984540054 * (figures.mail_worth_variance or 0) ** 0.5
    assert cells["Incremental (EUR)"] == "60.00"
    assert cells["from (EUR)"] == f"{round(6_000 - half) / 100:.2f}"
    assert cells["Is it sure?"].startswith("Too early: only 0 customers")


def test_the_return_counts_costs_and_margin(analyst: Client) -> None:
    people(30)
    campaign = finished()
    ReportSettings.objects.update_or_create(pk=1, defaults={"margin_percent": 50})
    CampaignCost.objects.create(campaign=campaign, fixed_minor=1_700, order_discount_minor=100)
    bring_up_to_date()
    html = analyst.get("/reports/return/").content.decode()
    assert "Costs and profit by campaign" not in html
    [_, line] = csv.reader(io.StringIO(_file(analyst, "/reports/return/csv/")))
    assert line[5:11] == ["20.00", "", "", "", "", ""]
    CampaignFigures.objects.update(mail_doubt="")
    html = analyst.get("/reports/return/").content.decode()
    assert "Costs and profit by campaign" in html
    assert "1 campaign of the last 90 days cost €20.00 and made +€10.00 of profit" in html
    assert "That is a return of 50 %." in html.replace("\u202f", " ").replace("\xa0", " ")


def test_campaigns_that_cannot_be_judged_are_in_no_total_and_said_so(analyst: Client) -> None:
    people(30)
    finished()
    bring_up_to_date()
    assert adding.total(CampaignFigures.objects.all(), "mail") == adding.Total(
        0.0, 0.0, 0, 0, " Left out of campaigns with a holdout: 1 with too few buyers to judge."
    )
    figures = CampaignFigures.objects.get()
    CampaignFigures.objects.update(mail_doubt="", counted_at=figures.window_closes_at - HOUR)
    found = adding.total(CampaignFigures.objects.all(), "mail")
    assert (found.campaigns, found.left_out) == (
        0,
        " Left out of campaigns with a holdout: 1 whose window is still open.",
    )
    assert found.left_out.strip() in analyst.get("/reports/campaigns/").content.decode()


def test_occurrences_with_the_same_people_held_out_count_once_while_their_windows_overlap() -> None:
    people(30)
    series = [finished(name) for name in ("Monday", "Tuesday", "Later")]
    bring_up_to_date()
    first = now() - 30 * DAY
    for campaign, launch in zip(series, (first, first + DAY, first + 7 * DAY), strict=True):
        Campaign.objects.filter(pk=campaign.pk).update(launched_at=launch)
        CampaignFigures.objects.filter(pk=campaign.pk).update(
            mail_doubt="", window_closes_at=launch + 7 * DAY, mail_worth_minor=100 * campaign.pk
        )
    assert adding.total(CampaignFigures.objects.all(), "mail").campaigns == 3
    Variant.objects.filter(role="no_mail").update(salt="the same people")
    found = adding.judged(CampaignFigures.objects.all(), "mail")
    assert found.pks == [series[2].pk, series[0].pk]
    assert adding.total_of(found, "mail").minor == 100 * (series[0].pk + series[2].pk)
    assert found.sentence.startswith(" Left out of campaigns with a holdout: 1 whose window overlaps")


def test_who_waited_for_the_winner_is_in_a_row_of_their_own_and_in_no_return(analyst: Client) -> None:
    people(30)
    campaign = finished()
    mailed = Message.objects.filter(dispatch=campaign.dispatch_id, state="sent").count()
    Variant.objects.create(
        experiment=campaign.experiment, key="rest", name="Rest", role="remainder", weight=0, position=9
    )
    mail(buyers(1)[0], campaign.dispatch, at=now() - 8 * DAY, variant="rest")
    bring_up_to_date()
    lines = list(csv.reader(io.StringIO(_file(analyst, "/reports/campaign/spring/csv/"))))
    assert [line[:3] for line in lines if line[:1] == ["Waited for the winner"]] == [
        ["Waited for the winner", "", "1"],
        ["Waited for the winner", "", "0.0"],
    ]
    sums = adding.compared_by_dispatch([campaign.dispatch_id])
    assert sums[campaign.dispatch_id]["sent"] == mailed
    html = analyst.get("/reports/campaign/spring/").content.decode()
    assert "1 mail went to those who waited for the winner" in html
    assert (
        "by segment, stage, mail program and domain are of every mail that was sent, theirs among them"
        in html
    )


def test_who_still_waits_for_the_winner_is_in_no_table(analyst: Client) -> None:
    people(30)
    campaign = finished()
    Variant.objects.create(
        experiment=campaign.experiment, key="rest", name="Rest", role="remainder", weight=0, position=9
    )
    bring_up_to_date()
    before = _file(analyst, "/reports/campaign/spring/csv/")
    waiting = mail(buyers(1)[0], campaign.dispatch, at=now() - 8 * DAY, variant="rest")
    Message.objects.filter(pk=waiting.pk).update(state="queued", sent_at=None)
    bring_up_to_date()
    assert _file(analyst, "/reports/campaign/spring/csv/") == before
    assert "who waited for the winner" not in analyst.get("/reports/campaign/spring/").content.decode()


def test_a_rate_of_few_products_is_not_called_the_best(analyst: Client) -> None:
    for reader in buyers(2):
        mail(reader, dispatch(), at=now() - DAY, resolved=RESOLVED)
    refresh()
    assert "Clicked most of all" not in analyst.get("/reports/recommendations/").content.decode()
    html = analyst.get("/reports/rules/").content.decode()
    assert "1 rule decided about mails of the last 90 days" in html


def test_strategies_tell_what_was_shown_clicked_and_bought() -> None:
    [reader] = buyers(1)
    tent, rope = (
        Product.objects.create(source="shop", external_id=key, name=key, url=f"https://shop.example/{key}")
        for key in ("tent", "rope")
    )
    shown = [{"id": one.pk, "strategy": "for_you", "price_minor": 1} for one in (tent, rope)]
    message = mail(
        reader,
        dispatch(),
        resolved={"recommendations": shown},
        links=["https://shop.example/tent-two", "https://shop.example/rope?utm_source=mail"],
    )
    hit(message, "clicked", message.sent_at + HOUR, link_index=0)
    hit(message, "clicked", message.sent_at + HOUR, link_index=1)
    bought = order(reader, message.sent_at + DAY, currency=settings.REPORTING_CURRENCY)
    bought.lines.create(line="1", product=tent, quantity=1, unit_price_minor=700, total_minor=700)
    refresh()
    part = MessagePart.objects.get()
    assert (part.key, part.shown, part.chosen, part.bought, part.bought_minor) == ("for_you", 2, 1, 1, 700)


def test_cohorts_count_who_came_back() -> None:
    one, two = buyers(2)
    first = now().replace(day=1, hour=12) - timedelta(days=70)
    first = first.replace(day=1)
    later = (first + timedelta(days=32)).replace(day=2)
    for by, at in ((one, first), (two, first + DAY), (one, later), (one, later + DAY)):
        order(by, at, 500, currency=settings.REPORTING_CURRENCY)
    count_cohorts()
    rows = CohortFigures.objects.order_by("months_later").values_list(
        "first_month", "months_later", "customers", "orders", "revenue_minor"
    )
    assert list(rows) == [(first.date(), 0, 2, 2, 1_000), (first.date(), 1, 1, 2, 1_000)]
    shown = BY_NAME["cohorts"].make(Asked())
    assert shown.headline.startswith("50.0")
    [row] = shown.tables[0].rows
    assert list(row.cells[:5]) == [f"{first:%b %Y}", 2, 1_000.0, 0.5, 0.0]


def test_a_viewer_reads_but_takes_no_file(client: Client) -> None:
    client.force_login(User.objects.create_user("view@example.com"))
    assert client.get("/reports/rules/").status_code == 200
    assert client.get("/reports/rules/csv/").status_code == 403
    assert client.get("/reports/nothing/").status_code == 404


def test_an_administrator_changes_the_rule_and_it_is_noted(client: Client) -> None:
    client.force_login(User.objects.create_user("ada@example.com", role=Role.ADMIN))
    entered = {
        "rule": "linear",
        "click_window_days": "14",
        "open_window_days": "1",
        "thousand_mails_minor": "0.80",
        "margin_percent": "40",
        "timezone": "Europe/London",
    }
    assert client.post("/reports/settings/", entered).status_code == 302
    row = ReportSettings.objects.get()
    assert (row.rule, row.thousand_mails_minor, row.is_attributed) == ("linear", 80, False)
    entry = AuditEntry.objects.get(action="changed report settings")
    assert "rule linear" in entry.detail
    refresh()
    assert ReportSettings.objects.get().is_attributed


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("click_window_days", "0"),
        ("click_window_days", "91"),
        ("thousand_mails_minor", "0.005"),
        ("rule", "x"),
    ],
)
def test_settings_out_of_bounds_are_refused_and_nothing_is_kept(
    client: Client, name: str, value: str
) -> None:
    client.force_login(User.objects.create_user("ada@example.com", role=Role.ADMIN))
    entered = {
        "rule": "linear",
        "click_window_days": "14",
        "open_window_days": "1",
        "thousand_mails_minor": "0.80",
        "margin_percent": "40",
        "timezone": "Europe/London",
    }
    answer = client.post("/reports/settings/", entered | {name: value})
    assert answer.status_code == 400
    assert not ReportSettings.objects.exists()


def test_only_editors_enter_costs(client: Client) -> None:
    people(30)
    finished()
    entered = {"thousand_mails_minor": "", "fixed_minor": "120.50", "order_discount_minor": "3"}
    client.force_login(User.objects.create_user("view@example.com"))
    assert client.post("/reports/campaign/spring/costs/", entered).status_code == 403
    client.force_login(User.objects.create_user("mark@example.com", role=Role.MARKETER))
    assert client.post("/reports/campaign/spring/costs/", entered).status_code == 302
    cost = CampaignCost.objects.get()
    assert (cost.thousand_mails_minor, cost.fixed_minor, cost.order_discount_minor) == (None, 12_050, 300)


def _file(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
