"""Who is compared with whom, and on what."""

from dataclasses import replace

import pytest

from experiments.analysis import analyse, minimum_buyers
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
        "20 customers in none (No mail) ordered, and revenue is judged only from 400 in the smaller arm on"
    )


def test_arms_of_like_size_need_fewer_buyers() -> None:
    assert minimum_buyers(treatment=TREATMENT, control=BASELINE) == 100
    assert minimum_buyers(treatment=TREATMENT, control=NO_MAIL) == 400


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
    assert found.warnings == ("none (No mail) has no customers to compare.",)


def test_more_unsubscribes_than_the_baseline_are_a_warning() -> None:
    pushy = replace(TREATMENT, unsubscribes=60)
    [warning] = analyse(plan=PLAN, arms=[BASELINE, pushy, NO_MAIL]).warnings
    assert warning.startswith(
        "More people unsubscribed from B (Recommendations) than from A (Bestsellers): 60 of 9,000 "
        "against 20 of 9,000"
    )


def test_nobody_anywhere_is_a_report_without_comparisons() -> None:
    nobody = [replace(arm, **dict.fromkeys(COUNTS, 0)) for arm in ARMS]
    found = analyse(plan=PLAN, arms=nobody)
    assert (found.comparisons, found.headlines, found.verdict.status) == ((), (), "nothing_to_compare")
