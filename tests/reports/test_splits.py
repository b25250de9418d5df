"""A journey's split is judged by those whose window, from the moment of the split, is over."""

import csv
from datetime import timedelta
from html import unescape
from io import StringIO

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Role, User
from campaigns.journeys import versions
from campaigns.models import Journey
from customers.models import Alert, Assignment, Customer
from delivery.models import Message
from experiments.models import Experiment, Variant
from reports import looks, tasks
from reports.split_places import pooled_warning
from reports.splits import CLOCKS, SplitResult, split_result
from tests.campaigns.journeys.going import HOUR as WAIT
from tests.campaigns.journeys.going import REMIND, enrol, journey, later, walk
from tests.reports.mailing import DAY, HOUR, START, buyers, hit, mail, order

pytestmark = pytest.mark.django_db
SPLIT = {"name": "halves", "split": "half", "arms": {"a": "remind", "b": "end"}}
DOCUMENT = {"trigger": {"event": "product_added"}, "steps": [SPLIT, REMIND]}
AN_HOUR_LATER = DOCUMENT | {"steps": [WAIT, SPLIT, REMIND]}
LAST = {"name": "last", "exit": True}
SECOND = timedelta(seconds=1)


def halves() -> Experiment:
    """Half and half, seven days, orders decide."""
    made = Experiment.objects.create(key="half", name="Half", salt="half", method="anytime", started_at=START)
    for position, (key, role) in enumerate((("a", "treatment"), ("b", "baseline"))):
        Variant.objects.create(
            experiment=made, key=key, name=f"Arm {key}", role=role, weight=5_000, position=position
        )
    return made


@pytest.fixture
def half() -> Experiment:
    return halves()


@pytest.fixture
def reader(client: Client) -> Client:
    client.force_login(User.objects.create_user("marketer@example.com", role=Role.MARKETER))
    return client


def came(arm: str, *customers: Customer, after: timedelta = timedelta()) -> None:
    """Let the split have assigned them so long after its start."""
    Assignment.objects.bulk_create(
        Assignment(customer=one, experiment_key="half", variant_key=arm, assigned_at=START + after)
        for one in customers
    )


def at(days: float, experiment: Experiment) -> SplitResult:
    """What is known so many days after the start."""
    return split_result(Experiment.objects.get(pk=experiment.pk), as_of=START + days * DAY)


def arms(result: SplitResult) -> dict[str, tuple[int, ...]]:
    """Of each arm: entered, window over, who ordered, orders, revenue, its squares."""
    return {
        one.outcomes.key: (
            entered,
            one.outcomes.assigned,
            one.outcomes.converters,
            one.outcomes.orders,
            one.outcomes.revenue_minor,
            one.outcomes.revenue_minor_squares,
        )
        for entered, one in result.arms
    }


def html(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return " ".join(unescape(answer.content.decode()).replace("\u202f", " ").replace("\xa0", " ").split())


def test_only_orders_within_each_person_s_own_window_count_and_refunds_subtract(half: Experiment) -> None:
    one, two, three, four, five = buyers(5)
    came("a", one, two)
    came("a", three, after=3 * DAY)
    came("b", four, after=DAY)
    came("b", five, after=9 * DAY)
    order(one, START - SECOND, 9_000)
    order(one, START, 1_000)
    order(one, START + 2 * DAY, 500, refunded=200)
    order(two, START + 7 * DAY, 9_000)
    order(three, START + 2 * DAY, 9_000)
    order(three, START + 10 * DAY - SECOND, 700, refunded=700)
    order(four, START + 8 * DAY - SECOND, 400)
    order(five, START + 9 * DAY, 9_000)
    assert arms(at(10, half)) == {
        "a": (3, 3, 2, 3, 1_300, 1_690_000),
        "b": (2, 1, 1, 1, 400, 160_000),
    }


def test_nobody_is_judged_before_the_last_second_of_their_window(half: Experiment) -> None:
    one, two = buyers(2)
    came("a", one)
    came("b", two, after=HOUR)
    order(one, START, 1_000)
    early = split_result(half, as_of=START + 7 * DAY - SECOND)
    assert arms(early) == {"a": (1, 0, 0, 0, 0, 0), "b": (1, 0, 0, 0, 0, 0)}
    assert early.report.verdict.sentence == (
        "Too early to judge: the window of 7 days of whoever came first is open until 11 May 2026, 12:00 UTC."
    )
    assert arms(split_result(half, as_of=START + 7 * DAY)) == {
        "a": (1, 1, 1, 1, 1_000, 1_000_000),
        "b": (1, 0, 0, 0, 0, 0),
    }


def test_clicks_are_those_of_the_journey_s_mails_after_the_split(half: Experiment) -> None:
    sent = journey(DOCUMENT).dispatch
    assert sent is not None
    early, right, late = buyers(3)
    came("a", early, right, late)
    mails = [mail(one, sent) for one in (early, right, late)]
    Message.objects.update(created_at=START - CLOCKS)
    Message.objects.filter(pk=mails[0].pk).update(created_at=START - CLOCKS - SECOND)
    for letter, span in zip(mails, (DAY, DAY, 7 * DAY), strict=True):
        hit(letter, "clicked", START + span)
    hit(mails[1], "unsubscribed", START + DAY)
    found = at(8, half).report.arms[0].outcomes
    assert (found.human_clicks, found.unsubscribes) == (1, 1)


def won() -> None:
    """Two hundred in each arm; ninety of a and forty of b order."""
    treated, plain = buyers(200), buyers(200)
    came("a", *treated)
    came("b", *plain)
    for one in (*treated[:90], *plain[:40]):
        order(one, START + HOUR)


def test_an_arm_wins_as_soon_as_an_interval_that_always_holds_excludes_nothing(half: Experiment) -> None:
    won()
    report = at(8, half).report
    assert (report.verdict.status, report.verdict.variant) == ("winner_at_risk", "a")
    (deciding,) = report.deciding
    assert deciding.difference.estimate == pytest.approx(0.25)
    assert deciding.alpha < 0.01  # far stricter than a single look at 0.05
    assert "99.99% interval +1.43 points to +46.2 points" in deciding.sentence


def test_the_other_metrics_wait_until_the_journey_is_closed_and_empty(half: Experiment) -> None:
    won()
    way = journey(DOCUMENT)
    revenue = next(one for one in at(8, half).report.comparisons if one.metric == "revenue")
    assert revenue.not_judged == "the conversion window is still open."
    Journey.objects.filter(pk=way.pk).update(state="closed")
    revenue = next(one for one in at(8, half).report.comparisons if one.metric == "revenue")
    assert revenue.not_judged.startswith("40 customers in Arm b ordered, and revenue is judged only from 100")


def test_arms_of_the_wrong_sizes_are_an_alarm_though_no_window_is_over(half: Experiment) -> None:
    came("a", *buyers(150))
    came("b", *buyers(50))
    report = at(1, half).report
    assert (report.assigned_ratio.observed, report.assigned_ratio.alarm) == ((150, 50), True)
    assert report.verdict.status == "invalid"
    assert "assigned customers came out as 150 / 50 where 100 / 100 were planned" in report.verdict.sentence


def test_the_periodic_look_alerts_about_wrong_sizes_once_and_resolves_when_they_are_right(
    half: Experiment,
) -> None:
    came("a", *buyers(150))
    came("b", *buyers(50))
    tasks.check_splits()
    looks.check_splits()
    alert = Alert.objects.get()
    assert (alert.key, alert.resolved_at) == ("experiment:half:assigned", None)
    assert "150 / 50 where 100 / 100 were planned" in alert.body
    came("b", *buyers(100))
    looks.check_splits()
    assert Alert.objects.get().resolved_at is not None


def test_a_split_that_is_put_away_alerts_no_more(half: Experiment) -> None:
    came("a", *buyers(150))
    came("b", *buyers(50))
    looks.check_splits()
    Experiment.objects.update(archived_at=START + DAY)
    looks.check_splits()
    assert Alert.objects.get().resolved_at is not None


def test_where_all_who_entered_have_the_wrong_sizes_no_comparison_is_judged(half: Experiment) -> None:
    won()
    came("a", *buyers(200), after=8 * DAY)
    report = at(9, half).report
    assert [arm.outcomes.assigned for arm in report.arms] == [200, 200]
    assert (report.assigned_ratio.observed, report.verdict.status) == ((400, 200), "invalid")
    assert {one.not_judged for one in report.comparisons} == {"the arms' sizes do not match the plan."}
    assert not any(one.significant for one in report.comparisons)


def test_an_early_imbalance_that_was_made_up_for_spoils_nothing(half: Experiment) -> None:
    came("a", *buyers(70))
    came("b", *buyers(30))
    came("a", *buyers(30), after=8 * DAY)
    came("b", *buyers(70), after=8 * DAY)
    report = at(9, half).report
    assert (report.assigned_ratio.observed, report.assigned_ratio.alarm) == ((100, 100), False)
    assert report.verdict.status != "invalid"


def test_the_page_says_the_verdict_and_the_figures_in_as_many_queries_for_more(
    half: Experiment, reader: Client
) -> None:
    journey(DOCUMENT)
    came("a", *buyers(3))
    came("b", *buyers(3))
    html(reader, "/experiments/half/split/")
    with CaptureQueriesContext(connection) as few:
        html(reader, "/experiments/half/split/")
    won()
    with CaptureQueriesContext(connection) as many:
        found = html(reader, "/experiments/half/split/")
    assert len(many) == len(few)
    assert "406 entered since 4 May 2026, and 406 have their window of 7 days behind them." in found
    assert "conversion rate 44.3% against 19.7%" in found


def test_the_file_has_the_figures_of_the_page(half: Experiment, reader: Client) -> None:
    won()
    answer = reader.get("/experiments/half/split/figures.csv")
    rows = list(csv.reader(StringIO(answer.content.decode())))
    figures = {tuple(row[:4]): row[4] for row in rows}
    assert figures["arm", "a", "", "entered"] == "200"
    assert figures["arm", "a", "", "converters"] == "90"
    assert figures["arm", "b", "", "revenue_minor"] == "40000"
    assert figures["difference", "a", "b", "conversion"] == "0.25"
    assert rows[1][3] == "winner_at_risk"


def test_who_may_only_look_gets_the_page_and_no_file(half: Experiment, client: Client) -> None:
    client.force_login(User.objects.create_user("view@example.com", role=Role.VIEWER))
    assert "figures.csv" not in html(client, "/experiments/half/split/")
    assert client.get("/experiments/half/split/figures.csv").status_code == 403


def test_one_place_in_a_journey_is_no_warning_whatever_changes_below(half: Experiment) -> None:
    way = journey(DOCUMENT)
    enrol(way, *buyers(1))
    walk(way)
    versions.publish(way, DOCUMENT | {"steps": [SPLIT, REMIND, LAST]})
    assert pooled_warning("half", [way]) == ""


def test_a_version_that_splits_elsewhere_counts_once_it_has_split_somebody(half: Experiment) -> None:
    way = journey(DOCUMENT)
    enrol(way, *buyers(1))
    walk(way)
    versions.publish(way, AN_HOUR_LATER)
    assert pooled_warning("half", [way]) == ""
    enrol(way, *buyers(1))
    walk(way)
    assert pooled_warning("half", [way]) == ""
    later(timedelta(hours=2))
    walk(way)
    told = pooled_warning("half", [way])
    assert "cart, step “halves” of version 1; cart, step “halves” of version 2." in told


def test_journeys_that_share_a_split_are_named_on_the_page_and_in_the_file(
    half: Experiment, reader: Client
) -> None:
    cart, basket = journey(DOCUMENT), journey(DOCUMENT, key="basket")
    enrol(cart, *buyers(1))
    walk(cart)
    address = "/experiments/half/split/"
    assert "counted together" not in html(reader, address)
    enrol(basket, *buyers(1))
    walk(basket)
    told = (
        "People were split at 2 different places, and are counted together here: basket, step “halves” of version 1; "
        "cart, step “halves” of version 1."
    )
    assert told in html(reader, address)
    assert told in reader.get(f"{address}figures.csv").content.decode()


def test_a_split_that_nobody_came_to_says_what_to_do(half: Experiment, reader: Client) -> None:
    assert "No journey is split by this experiment" in html(reader, "/experiments/half/split/")
    journey(DOCUMENT)
    assert "Nobody has come to this split yet" in html(reader, "/experiments/half/split/")


def test_lists_and_journeys_lead_to_it_and_its_old_address_too(half: Experiment, reader: Client) -> None:
    journey(DOCUMENT)
    link = 'href="/experiments/half/split/"'
    for address in ("/experiments/", "/journeys/cart/", "/journeys/cart/steps/", "/experiments/half/plan/"):
        assert link in html(reader, address)
    assert reader.get("/experiments/half/")["Location"] == "/experiments/half/split/"
    assert reader.get("/experiments/nothing/").status_code == 404


def test_the_plan_of_a_split_offers_only_what_is_judged(half: Experiment, reader: Client) -> None:
    Experiment.objects.update(method="fixed", started_at=None)
    page = html(reader, "/experiments/half/plan/")
    assert 'value="anytime"' in page
    assert 'name="looks"' not in page
    assert 'value="obrien_fleming"' not in page
    asked = {
        "tests": "journey",
        "primary_metric": "conversion",
        "conversion_window_days": 5,
        "method": "anytime",
        "alpha": 5,
        "power": 80,
        "guardrail_margin": "0.25",
    }
    assert reader.post("/experiments/half/plan/keep/", asked | {"method": "fixed"}).status_code == 200
    assert reader.post("/experiments/half/plan/keep/", asked).status_code == 302
    stored = Experiment.objects.get()
    assert (stored.method, stored.looks, stored.conversion_window_days) == ("anytime", 1, 5)


def test_a_split_is_archived_whenever_somebody_wants_it(half: Experiment, reader: Client) -> None:
    answer = reader.post("/experiments/half/archive/")
    assert answer["Location"] == "/experiments/half/split/"
    assert Experiment.objects.get().archived_at is not None
