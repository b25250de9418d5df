"""Who is compared with whom, and on what."""

from dataclasses import replace

import pytest

from experiments.analysis import analyse
from experiments.looking import in_between
from experiments.report import Comparison, ExperimentReport
from experiments.stats.means import compare_means
from experiments.stats.proportions import Proportion, compare_proportions
from tests.experiments.arms import BASELINE, NO_MAIL, PLAN, STILL_OPEN, TREATMENT

ARMS = [BASELINE, TREATMENT, NO_MAIL]
COUNTS = (
    "assigned",
    "delivered",
    "human_opens",
    "human_clicks",
    "converters",
    "orders",
    "revenue_minor",
    "revenue_minor_squares",
    "unsubscribes",
)


def only(report: ExperimentReport, treatment: str, holdout: str, metric: str) -> Comparison:
    [found] = [
        one
        for one in report.comparisons
        if (one.treatment.key, one.holdout, one.metric) == (treatment, holdout, metric)
    ]
    return found


def test_it_compares_clicks_with_the_baseline_and_never_with_no_mail() -> None:
    asked = [
        (one.treatment.key, one.holdout, one.metric) for one in analyse(plan=PLAN, arms=ARMS).comparisons
    ]
    assert asked == [
        ("B", "baseline", "human_click"),
        ("B", "baseline", "conversion"),
        ("B", "baseline", "revenue"),
        ("A", "no_mail", "conversion"),
        ("B", "no_mail", "conversion"),
        ("A", "no_mail", "revenue"),
        ("B", "no_mail", "revenue"),
    ]


def test_conversion_counts_everybody_assigned_not_only_the_delivered() -> None:
    found = only(analyse(plan=PLAN, arms=ARMS), "B", "baseline", "conversion")
    expected = compare_proportions(treatment=Proportion(240, 9000), control=Proportion(180, 9000))
    assert (found.difference, found.p_value) == (expected.difference, expected.p_value)
    assert found.relative_lift == expected.relative_lift


def test_incremental_revenue_is_the_difference_times_the_customers_assigned() -> None:
    found = only(analyse(plan=PLAN, arms=ARMS), "B", "baseline", "revenue")
    expected = compare_means(treatment=TREATMENT.spending, control=BASELINE.spending).difference
    assert found.incremental.estimate == pytest.approx(60 * 5000)
    assert found.incremental.low == pytest.approx(expected.low * 9000)


def test_an_arm_without_mail_has_no_rates_that_need_one() -> None:
    [*_, none] = analyse(plan=PLAN, arms=ARMS).arms
    assert (none.delivery_rate, none.open_rate, none.click_rate, none.unsubscribe_rate) == (None,) * 4
    assert none.conversion_rate.estimate == 0.01
    assert none.revenue_per_recipient.estimate == 50.0


def test_rates_are_per_customer_assigned_with_wilson_intervals() -> None:
    baseline = analyse(plan=PLAN, arms=ARMS).arms[0]
    assert baseline.click_rate is not None
    assert baseline.click_rate.estimate == 0.05
    assert (baseline.click_rate.low, baseline.click_rate.high) == pytest.approx(
        (0.0456862, 0.0546978), abs=1e-7
    )


def test_two_treatments_are_adjusted_together() -> None:
    second = replace(TREATMENT, key="C", converters=222)
    found = analyse(plan=PLAN, arms=[BASELINE, TREATMENT, second])
    b, c = only(found, "B", "baseline", "conversion"), only(found, "C", "baseline", "conversion")
    assert (b.alpha, c.alpha) == (0.025, 0.05)
    assert (b.adjusted_p_value, c.adjusted_p_value) == (2 * b.p_value, c.p_value)
    assert (b.significant, c.significant) == (True, True)
    assert b.difference.level == 0.975


def test_revenue_is_not_judged_below_the_minimum_of_buyers() -> None:
    found = only(analyse(plan=PLAN, arms=ARMS), "B", "no_mail", "revenue")
    assert found.p_value < 0.001
    assert not found.significant
    assert found.not_judged.startswith(
        "20 customers in No mail ordered, and revenue is judged only from 400 in the smaller arm on"
    )


def test_arms_of_like_size_need_fewer_buyers() -> None:
    few = replace(TREATMENT, converters=99)
    [found] = [one for one in analyse(plan=PLAN, arms=[BASELINE, few]).comparisons if one.metric == "revenue"]
    assert found.not_judged.startswith(
        "99 customers in Recommendations ordered, and revenue is judged only from 100 in the smaller arm on"
    )


def test_nothing_is_judged_while_the_window_is_open() -> None:
    found = analyse(plan=STILL_OPEN, arms=ARMS).comparisons
    assert {one.not_judged for one in found} == {"the conversion window is still open."}
    assert not any(one.significant for one in found)


def test_sizes_are_checked_on_assigned_and_on_delivered_between_mailed_arms() -> None:
    found = analyse(plan=PLAN, arms=ARMS)
    assert found.assigned_ratio.observed == (9000, 9000, 2000)
    assert found.delivered_ratio.observed == (8900, 8900)
    assert (found.assigned_ratio.p_value, found.delivered_ratio.p_value) == (1.0, 1.0)


def test_an_arm_without_customers_is_left_out_and_named() -> None:
    empty = replace(
        NO_MAIL, assigned=0, converters=0, orders=0, revenue_minor=0, revenue_minor_squares=0, weight=0
    )
    found = analyse(plan=PLAN, arms=[BASELINE, TREATMENT, empty])
    assert found.comparisons_with("no_mail") == ()
    assert found.warnings == ("No mail has no customers to compare.",)


def test_more_unsubscribes_than_the_baseline_are_a_warning() -> None:
    pushy = replace(TREATMENT, unsubscribes=60)
    [warning] = analyse(plan=PLAN, arms=[BASELINE, pushy, NO_MAIL]).warnings
    assert warning.startswith(
        "A guardrail is touched: 60 of 9,000 in Recommendations unsubscribed, 20 of 9,000 in Bestsellers: "
        "90% interval +0.29 points to +0.62 points. It is worse by 0.25 points or more."
    )


def test_between_looks_a_guardrail_is_held_against_the_level_of_whoever_looks_at_any_moment() -> None:
    pushy = replace(TREATMENT, unsubscribes=38)
    looking = in_between(fraction=0.5, alpha=PLAN.alpha)
    arms = [BASELINE, pushy, NO_MAIL]
    [once] = analyse(plan=PLAN, arms=arms).guardrails
    [now] = analyse(plan=replace(STILL_OPEN, looking=looking), arms=arms).guardrails
    assert (once.worse, now.worse) == (True, False)
    assert now.result.harm.high - now.result.harm.low > once.result.harm.high - once.result.harm.low
    assert once.p_value == now.p_value == pytest.approx(0.0179, abs=5e-5)


def test_nobody_anywhere_is_a_report_without_comparisons() -> None:
    nobody = [replace(arm, **dict.fromkeys(COUNTS, 0)) for arm in ARMS]
    found = analyse(plan=PLAN, arms=nobody)
    assert (found.comparisons, found.headlines, found.verdict.status) == ((), (), "nothing_to_compare")


OTHER = replace(TREATMENT, key="C", name="Question", human_clicks=700)


def test_without_a_baseline_clicks_are_compared_with_the_first_arm() -> None:
    report = analyse(plan=replace(PLAN, primary_metric="human_click"), arms=[TREATMENT, OTHER, NO_MAIL])
    expected = compare_proportions(treatment=Proportion(700, 9000), control=Proportion(560, 9000))
    assert only(report, "C", "first_arm", "human_click").p_value == expected.p_value
    assert [one.treatment.key for one in report.deciding] == ["C"]
    assert report.verdict.status == "winner"
    assert "Question against Recommendations: " in report.verdict.sentence
    assert {one.treatment.key for one in report.guardrails} == {"C"}


def test_orders_are_compared_with_who_gets_no_mail_before_the_first_arm_is() -> None:
    report = analyse(plan=PLAN, arms=[TREATMENT, OTHER, NO_MAIL])
    assert {one.holdout for one in report.comparisons} == {"no_mail"}


def test_a_test_without_any_holdout_has_a_verdict() -> None:
    report = analyse(plan=PLAN, arms=[TREATMENT, replace(OTHER, converters=320)])
    assert [(one.holdout, one.metric) for one in report.deciding] == [("first_arm", "conversion")]
    assert report.verdict.status == "winner"
