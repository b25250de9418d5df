"""The plan before the start: what it promises, what it refuses, and that the start freezes it."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import AuditEntry, Role
from campaigns.launching import launch, obstacles
from campaigns.models import Campaign, Journey
from campaigns.outlooks import outlook
from campaigns.past_results import past_results
from campaigns.remainders import NoRoom, store_remainder, with_remainder
from campaigns.shifts import ONLY_AT_THE_END
from common.clock import now
from experiments.models import Experiment, Variant
from experiments.planning import Expectation, comparison_of, customers_needed, smallest_lift
from segments import membership
from segments.models import Segment
from tests.campaigns.making import arm, draft, people
from tests.campaigns.planning_making import planned
from tests.campaigns.test_pages import signed_in
from tests.reports.test_outcomes import hit, order, sent_a_week_ago

pytestmark = pytest.mark.django_db


@pytest.fixture
def marketer(db: None) -> Client:
    return signed_in(Role.MARKETER)


def entered(**changed: Any) -> dict[str, Any]:
    """What a marketer posts as a plan."""
    return {
        "hypothesis": "More clicks",
        "tests": "template",
        "primary_metric": "human_click",
        "conversion_window_days": 7,
        "smallest_effect": "20",
        "expected_value": "5",
        "method": "fixed",
        "looks": "",
        "alpha": "5",
        "power": "80",
        "guardrails": ["unsubscribe", "bounce"],
        "guardrail_margin": "0.25",
        "remainder_percent": "0",
        "winner": "show",
        "minimum_wait_hours": "24",
        "no_winner": "baseline",
        **changed,
    }


def post(client: Client, campaign: Campaign, **changed: Any) -> str:
    """The page after a plan was sent."""
    address = reverse("campaigns:experiment_plan_keep", args=[campaign.experiment.key])
    return client.post(address, entered(**changed), follow=True).content.decode()


def stored(campaign: Campaign) -> Experiment:
    return Experiment.objects.get(pk=campaign.experiment_id)


def finished() -> Campaign:
    """A campaign to forty people that ended yesterday: four clicked, two ordered for 10 and 30."""
    crowd = people(40)
    campaign, start = sent_a_week_ago(no_mail=0)
    for one in crowd[:4]:
        hit(campaign, one.pk, "clicked", start + timedelta(hours=2))
    hit(campaign, crowd[5].pk, "clicked", start + timedelta(hours=2), is_machine=True)
    hit(campaign, crowd[6].pk, "clicked", start + timedelta(days=7, hours=1))
    order(crowd[0].pk, start + timedelta(days=1), 1_000)
    order(crowd[1].pk, start + timedelta(days=2), 3_500, refunded=500)
    order(crowd[2].pk, start + timedelta(days=7, hours=1), 9_000)
    return campaign


def test_a_plan_is_stored_in_shares_with_the_customers_it_needs(marketer: Client) -> None:
    campaign = draft(no_mail=10)
    page = post(marketer, campaign, method="pocock", looks="3", alpha="4")
    assert "Planned. The start freezes it." in page
    plan = stored(campaign)
    comparison = comparison_of(plan, list(plan.variants.all()))
    assert comparison is not None
    assert (plan.alpha, plan.smallest_effect, plan.expected_value, plan.guardrail_margin) == (
        0.04,
        0.2,
        0.05,
        0.0025,
    )
    assert (plan.method, plan.looks, plan.guardrails) == ("pocock", 3, ["unsubscribe", "bounce"])
    assert plan.planned_customers == customers_needed(comparison, Expectation(value=0.05), lift=0.2)
    assert AuditEntry.objects.filter(action="planned an experiment").exists()


def test_revenue_is_entered_in_whole_units_and_kept_in_minor_ones(marketer: Client) -> None:
    campaign = draft()
    post(marketer, campaign, primary_metric="revenue", expected_value="1.53", expected_deviation="12")
    plan = stored(campaign)
    assert (plan.expected_value, plan.expected_deviation) == (153.0, 1200.0)
    page = marketer.get(reverse("campaigns:experiment_plan", args=["spring"])).content.decode()
    assert 'value="1.53"' in page
    assert 'value="12"' in page
    assert 'value="80"' in page


def test_what_the_list_did_is_kept_with_the_plan_where_nothing_is_entered(marketer: Client) -> None:
    finished()
    campaign = draft("Again")
    post(marketer, campaign, expected_value="")
    plan = stored(campaign)
    assert (plan.expected_value, plan.expected_deviation) == (0.1, None)
    assert plan.planned_customers is not None


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        ({"method": "pocock", "looks": "1"}, "Plan two looks at least, or judge it once, at the end."),
        ({"looks": "21", "method": "pocock"}, "less than or equal to 20"),
        ({"primary_metric": "human_open"}, "Openings can decide tests of a subject or preheader only"),
        ({"expected_value": "100"}, "A rate is below 100 %."),
        ({"winner": "auto_send"}, "Somebody has to wait for the winner: give a share above 0."),
        (
            {"remainder_percent": "90"},
            "90 % of everybody and the 10 % without mail leave less than 1 % for each",
        ),
        ({"guardrails": ["sales"]}, "Select a valid choice"),
        ({"alpha": "nan"}, "Enter a number"),
        ({"smallest_effect": "0"}, "greater than or equal to 0.1"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_what_is_no_plan_is_refused_and_nothing_stored(
    marketer: Client, changed: dict[str, Any], sentence: str
) -> None:
    campaign = draft(no_mail=10)
    before = stored(campaign).plan()
    assert sentence in post(marketer, campaign, **changed)
    assert stored(campaign).plan() == before
    assert campaign.experiment.variants.count() == 3


def test_the_launch_freezes_the_plan(marketer: Client) -> None:
    people(4)
    campaign = draft()
    launch(campaign.pk)
    page = post(marketer, campaign)
    assert "This experiment has started, and its plan stays as it was written" in page
    assert 'name="smallest_effect"' not in page
    assert "What it can show" not in page
    assert stored(campaign).smallest_effect is None


def test_a_viewer_reads_the_plan_and_changes_nothing() -> None:
    campaign, viewer = draft(), signed_in(Role.VIEWER)
    assert "What is planned" in viewer.get("/experiments/spring/plan/").content.decode()
    assert viewer.post("/experiments/spring/plan/keep/", entered()).status_code == 403
    assert stored(campaign).smallest_effect is None


def test_a_remainder_is_an_arm_of_its_own_and_can_be_taken_back(marketer: Client) -> None:
    campaign = draft(no_mail=10)
    post(marketer, campaign, remainder_percent="60", winner="auto_send")
    weights = dict(campaign.experiment.variants.values_list("role", "weight"))
    assert weights == {"baseline": 1500, "treatment": 1500, "no_mail": 1000, "remainder": 6000}
    post(marketer, campaign, remainder_percent="60", winner="auto_send", power="90")
    assert dict(campaign.experiment.variants.values_list("role", "weight")) == weights
    post(marketer, campaign)
    weights = dict(campaign.experiment.variants.values_list("role", "weight"))
    assert weights == {"baseline": 4500, "treatment": 4500, "no_mail": 1000}
    assert obstacles(campaign) == []


def waits(experiment: Experiment, *percents: int) -> list[int]:
    """The mailed arms' weights, as stored, after the remainder was so large one after the other."""
    for percent in percents:
        experiment.remainder_percent = percent
        store_remainder(experiment)
    tested = experiment.variants.exclude(role__in=["remainder", "no_mail"])
    return list(tested.values_list("weight", flat=True))


def three_arms() -> Experiment:
    made = Experiment.objects.create(key="three", name="Three", salt="three")
    for position, weight in enumerate((3334, 3333, 2333)):
        Variant.objects.create(
            experiment=made,
            key=f"a{position}",
            name=f"A{position}",
            role="treatment",
            weight=weight,
            position=position,
        )
    Variant.objects.create(experiment=made, key="no", name="No", role="no_mail", weight=1000, position=3)
    return made


def test_a_remainder_that_is_changed_often_gives_back_the_weights_that_were_entered() -> None:
    experiment = three_arms()
    assert waits(experiment, 85, 1, 77, 33, 85, 0) == [3334, 3333, 2333]
    assert set(experiment.variants.values_list("entered_weight", flat=True)) == {None}


def test_a_remainder_s_size_gives_the_same_weights_whatever_it_was_before() -> None:
    experiment = three_arms()
    at_once = waits(experiment, 37)
    assert waits(experiment, 85, 3, 37) == at_once
    assert sum(at_once) == 5300


def test_weights_that_something_else_changed_since_are_what_a_remainder_goes_by() -> None:
    experiment = three_arms()
    waits(experiment, 50)
    for key, weight in (("a0", 2000), ("a1", 1000), ("a2", 1000)):
        experiment.variants.filter(key=key).update(weight=weight)
    assert waits(experiment, 0) == [4500, 2250, 2250]


def test_a_remainder_that_leaves_an_arm_nobody_is_refused() -> None:
    arms = [Variant(key="a", role="baseline", weight=9996), Variant(key="b", role="treatment", weight=4)]
    with pytest.raises(NoRoom, match="less than one in 10,000"):
        with_remainder(arms, 90)
    assert [one.weight for one in arms] == [9996, 4]


def test_too_large_a_remainder_is_refused() -> None:
    arms = [Variant(key="a", role="baseline", weight=5000), Variant(key="b", role="treatment", weight=5000)]
    with pytest.raises(NoRoom):
        with_remainder(arms, 99)
    assert [one.weight for one in arms] == [5000, 5000]


def test_the_list_s_own_past_is_what_a_plan_expects() -> None:
    campaign = finished()
    past = past_results(campaign.segment, window_days=7, at=now())
    assert (past.customers, past.clicked, past.bought, past.mailable) == (40, 4, 2, 1.0)
    assert (past.revenue.total, past.revenue.total_squares) == (4_000, 1_000**2 + 3_000**2)
    assert (past.value("human_click"), past.value("conversion"), past.value("revenue")) == (0.1, 0.05, 100.0)
    assert past.source == "From 40 people mailed by the last campaign to this segment: “Spring”."


def test_a_campaign_whose_window_is_open_says_nothing_yet() -> None:
    campaign = finished()
    assert past_results(campaign.segment, window_days=9, at=now()).has_mails is False


def test_another_segment_s_campaigns_are_a_stand_in() -> None:
    finished()
    other = Segment.objects.create(
        key="german", name="German", condition={"attribute": "country", "value": "DE"}
    )
    past = past_results(other, window_days=7, at=now())
    assert past.clicked == 4
    assert "by the last campaign to any segment, for none to this one is finished" in past.source


def test_without_campaigns_members_orders_are_a_stand_in() -> None:
    crowd = people(20)
    segment = draft().segment
    membership.refresh(segment, cause="edit")
    segment.refresh_from_db()
    order(crowd[0].pk, now() - timedelta(days=2), 500)
    order(crowd[1].pk, now() - timedelta(days=8), 500)
    past = past_results(segment, window_days=7, at=now())
    assert (past.customers, past.bought, past.value("conversion"), past.value("human_click")) == (
        20,
        1,
        0.05,
        None,
    )
    assert past.source.startswith(
        "No campaign is finished yet. As a stand-in, what 20 members of “British” ordered"
    )


def test_who_gets_no_mail_is_not_learnt_from() -> None:
    people(60)
    campaign, _ = sent_a_week_ago(no_mail=50)
    mailed = campaign.recipients.exclude(variant_key="no_mail").count()
    assert past_results(campaign.segment, window_days=7, at=now()).customers == mailed < 60


def test_the_outlook_says_what_so_few_people_can_show(marketer: Client) -> None:
    campaign = finished()
    membership.refresh(campaign.segment, cause="edit")
    again = draft("Again")
    found = outlook(again.experiment, at=now())
    assert (found.audience, found.compared) == (40, 40)
    comparison = comparison_of(again.experiment, list(again.experiment.variants.all()))
    assert comparison is not None
    expected = smallest_lift(comparison, Expectation(value=0.05), customers=40)
    assert expected is not None
    assert found.lift == expected
    assert (
        f"With 40 people in the compared arms you will find lifts above {expected:.0%}".replace("%", " %")
        in (found.warnings[0])
    )
    assert found.warnings[1].startswith("In the smallest arm 1.0 people are expected to order: too few")


def test_revenue_warns_of_too_few_buyers() -> None:
    campaign = finished()
    membership.refresh(campaign.segment, cause="edit")
    again = draft("Again", primary_metric="revenue")
    warnings = outlook(again.experiment, at=now()).warnings
    assert "Revenue is judged from 100 buyers in the smallest arm on; expect 1." in warnings[1]


def test_the_result_is_there_when_the_last_window_is_over() -> None:
    campaign = planned(send_on="2099-12-01", send_at="09:00", timezone="UTC")
    campaign.variants.filter(variant__key="b").update(send_shift_hours=5)
    found = outlook(campaign.experiment, at=now())
    assert found.result_at is not None
    assert found.result_at.isoformat() == "2099-12-08T14:00:00+00:00"


@pytest.mark.parametrize(
    ("arms", "tests", "sentence"),
    [
        ([{"subject": "A"}, {"subject": "B"}], "subject", None),
        (
            [{}, {}],
            "subject",
            "The arms do not differ in what is tested: the subject is the same in all of them.",
        ),
        (
            [{"subject": "A"}, {"subject": "B", "send_shift_hours": 3}],
            "subject",
            "The arms differ in the time of sending too: if one wins, you will not know by what.",
        ),
        ([{"strategy": "bestsellers"}, {"strategy": "for_you"}], "strategy", None),
        ([{"subject": "A"}, {"subject": "B"}], "other", None),
    ],
    ids=["one thing", "nothing", "two things", "products", "anything"],
)
def test_arms_that_differ_in_more_than_what_is_tested_are_named(
    arms: list[dict[str, Any]], tests: str, sentence: str | None
) -> None:
    campaign = draft(arms=[arm(f"Arm {n}", percent=50, **one) for n, one in enumerate(arms)], tests=tests)
    said = [one for one in outlook(campaign.experiment, at=now()).warnings if one.startswith("The arms")]
    assert said == ([sentence] if sentence else [])


def test_openings_decide_with_a_warning() -> None:
    campaign = draft(
        arms=[arm("A", percent=50, subject="A"), arm("B", percent=50)],
        tests="subject",
        primary_metric="human_open",
    )
    assert (
        outlook(campaign.experiment, at=now())
        .warnings[0]
        .startswith("Openings are guessed: many programs open")
    )


def test_the_page_answers_to_what_is_entered(marketer: Client) -> None:
    campaign = finished()
    membership.refresh(campaign.segment, cause="edit")
    draft("Again")
    address = reverse("campaigns:experiment_outlook", args=["again"])
    said = marketer.get(address, entered(expected_value="", smallest_effect="50")).content.decode()
    assert "<dd>10 %<div" in said
    assert "in the compared arms, for a lift of 50.0 %" in said
    assert "Too few" in said
    assert stored(Campaign.objects.get(key="again")).smallest_effect is None
    wrong = marketer.get(address, entered(alpha="50")).content.decode()
    assert "less than or equal to 20" in wrong


def test_the_page_takes_as_many_queries_for_six_arms_as_for_two(
    marketer: Client, django_assert_max_num_queries: Any
) -> None:
    finished()
    draft("Two")
    draft("Six", arms=[arm(f"Arm {n}", percent=20) for n in range(5)])
    counts = []
    marketer.get(reverse("campaigns:experiment_plan", args=["two"]))
    for key in ("two", "six"):
        with django_assert_max_num_queries(40) as caught:
            assert marketer.get(reverse("campaigns:experiment_plan", args=[key])).status_code == 200
        counts.append(len(caught))
    assert counts[0] == counts[1]


def test_a_journey_s_split_says_how_many_weeks_it_takes() -> None:
    experiment = Experiment.objects.create(
        key="ways", name="Ways", salt="ways", smallest_effect=0.2, expected_value=0.2
    )
    for place, role in enumerate(("baseline", "treatment")):
        Variant.objects.create(
            experiment=experiment, key=role, name=role, role=role, weight=5000, position=place
        )
    found = outlook(experiment, at=now())
    assert (found.per_week, found.weeks, found.needed) == (
        0.0,
        None,
        customers_needed(
            found.comparison or pytest.fail("nothing compared"), Expectation(value=0.2), lift=0.2
        ),
    )
    assert "Nobody entered this split in the last four weeks" in found.warnings[0]
    assert not Journey.objects.exists()


def test_looks_before_the_end_are_refused_where_an_arm_is_due_later(marketer: Client) -> None:
    campaign = draft(arms=[arm("Now", percent=50), arm("Later", percent=50, send_shift_hours=24)])
    assert ONLY_AT_THE_END in post(marketer, campaign, method="pocock", looks="3")
    assert stored(campaign).method == "fixed"
    assert "Planned. The start freezes it." in post(marketer, campaign, method="fixed")
    Experiment.objects.filter(pk=campaign.experiment_id).update(method="anytime")
    assert obstacles(Campaign.objects.get(pk=campaign.pk)) == [ONLY_AT_THE_END]


def test_what_was_measured_is_measured_anew_and_no_number_outlives_its_metric(marketer: Client) -> None:
    finished()
    campaign = draft("Again")
    post(marketer, campaign, expected_value="")
    assert (stored(campaign).expected_value, stored(campaign).is_expectation_measured) == (0.1, True)
    Experiment.objects.filter(pk=campaign.experiment_id).update(expected_value=0.7)
    page = marketer.get(reverse("campaigns:experiment_plan", args=["again"])).content.decode()
    assert 'value="70"' not in page
    post(marketer, campaign, expected_value="")
    assert stored(campaign).expected_value == 0.1
    post(marketer, campaign, expected_value="20")
    assert (stored(campaign).expected_value, stored(campaign).is_expectation_measured) == (0.2, False)
    post(marketer, campaign, expected_value="20", primary_metric="conversion")
    assert (stored(campaign).expected_value, stored(campaign).is_expectation_measured) == (0.05, True)
