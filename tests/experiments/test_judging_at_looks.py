"""What analysis says at a look, between looks, and beside the verdict."""

from dataclasses import replace
from datetime import timedelta

import pytest

from experiments.analysis import analyse
from experiments.looking import Anytime, AtLooks
from experiments.outcomes import Prior
from experiments.report import ExperimentReport
from experiments.stats.guardrails import non_inferior_rate
from experiments.stats.pairs import PairedSums, cuped
from experiments.stats.power import mean_power, proportion_minimum_effect, proportion_power
from experiments.stats.proportions import Proportion, compare_proportions
from tests.experiments.arms import AS_OF, BASELINE, NO_MAIL, PLAN, STILL_OPEN, TREATMENT

FIRST_LOOK = replace(STILL_OPEN, method="obrien_fleming", looking=AtLooks((0.6,)), is_look=True)


def deciding(report: ExperimentReport) -> tuple[float, float, bool]:
    [one] = report.deciding
    return one.alpha, one.adjusted_p_value, one.significant


def test_a_look_judges_the_primary_metric_by_its_own_boundary_and_nothing_else() -> None:
    found = analyse(plan=FIRST_LOOK, arms=[BASELINE, TREATMENT, NO_MAIL])
    raw = compare_proportions(treatment=Proportion(240, 9000), control=Proportion(180, 9000)).p_value
    level = AtLooks((0.6,)).level(0.05)
    assert deciding(found) == (level, AtLooks((0.6,)).p_value(raw), raw < level)
    assert found.deciding[0].difference.level == 1 - level
    others = [one for one in found.comparisons if one not in found.deciding]
    assert {one.not_judged for one in others} == {"the conversion window is still open."}


def test_a_boundary_that_is_crossed_decides_before_the_end() -> None:
    found = analyse(plan=FIRST_LOOK, arms=[BASELINE, replace(TREATMENT, converters=300)])
    assert (found.verdict.status, found.verdict.variant, found.is_decided) == ("winner", "B", True)


def test_deliveries_out_of_step_spoil_an_early_look_too_once_all_is_sent() -> None:
    failing = replace(TREATMENT, converters=300, delivered=8_000)
    found = analyse(plan=FIRST_LOOK, arms=[BASELINE, failing])
    assert (found.verdict.status, found.is_decided) == ("invalid", False)
    assert found.verdict.sentence.startswith("This result is not valid: delivered customers")


def test_no_look_decides_while_messages_wait() -> None:
    waits = replace(FIRST_LOOK, window_closes_at=None)
    for plan in (waits, replace(waits, is_last_look=True)):
        found = analyse(plan=plan, arms=[BASELINE, replace(TREATMENT, converters=300, delivered=4_000)])
        assert (found.verdict.status, found.is_decided) == ("too_early", False)
        assert found.deciding[0].not_judged == "messages are still being sent."


def test_a_boundary_that_is_not_crossed_leaves_it_open() -> None:
    found = analyse(plan=FIRST_LOOK, arms=[BASELINE, replace(TREATMENT, converters=220)])
    assert (found.verdict.status, found.is_decided) == ("undecided", False)
    assert found.verdict.sentence.startswith("Not decided at this look: on conversion rate, Recommendations")


def test_the_last_look_ends_without_a_winner_though_the_window_is_open() -> None:
    last = replace(FIRST_LOOK, looking=AtLooks((0.6, 1.1), is_final=True), is_last_look=True)
    found = analyse(plan=last, arms=[BASELINE, replace(TREATMENT, converters=190)])
    assert (found.verdict.status, found.is_decided) == ("no_winner", True)


def test_between_looks_nothing_is_judged_and_the_next_look_is_named() -> None:
    plan = replace(STILL_OPEN, looking=Anytime(ratio=3.0), next_look_at=AS_OF + timedelta(days=1))
    found = analyse(plan=plan, arms=[BASELINE, replace(TREATMENT, converters=900)])
    assert found.verdict.sentence == (
        "Too early to judge: the next planned look is on 21 March 2026, 12:00 UTC. Looking at other times would find "
        "winners that are none."
    )
    assert found.deciding[0].not_judged == "the next planned look is on 21 March 2026, 12:00 UTC."
    assert found.deciding[0].alpha == Anytime(ratio=3.0).level(0.05)


def test_two_arms_share_the_alpha_of_a_look_by_holm() -> None:
    second = replace(TREATMENT, key="C", converters=181)
    found = analyse(plan=FIRST_LOOK, arms=[BASELINE, replace(TREATMENT, converters=300), second])
    first, other = found.deciding
    assert (first.alpha, other.alpha) == (AtLooks((0.6,)).level(0.025), AtLooks((0.6,)).level(0.05))
    assert (first.significant, other.significant) == (True, False)


def test_who_waits_for_the_winner_is_in_no_comparison_and_in_no_size() -> None:
    waiting = replace(TREATMENT, key="rest", role="remainder", weight=3000, assigned=20_000)
    found = analyse(plan=PLAN, arms=[BASELINE, TREATMENT, NO_MAIL, waiting])
    assert found == analyse(plan=PLAN, arms=[BASELINE, TREATMENT, NO_MAIL])


def test_openings_decide_only_where_they_were_chosen_and_with_a_warning() -> None:
    plan = replace(PLAN, primary_metric="human_open")
    found = analyse(plan=plan, arms=[BASELINE, replace(TREATMENT, human_opens=2_950), NO_MAIL])
    assert [one.metric for one in found.deciding] == ["human_open"]
    assert found.verdict.sentence.startswith("Recommendations wins.")
    assert "open rate 32.8% against 30.0%" in found.verdict.sentence
    assert found.warnings[0].startswith("Openings decide here.")
    usual = analyse(plan=PLAN, arms=[BASELINE, TREATMENT, NO_MAIL])
    assert "human_open" not in {one.metric for one in usual.comparisons}


def test_every_guardrail_of_the_plan_is_judged_by_non_inferiority() -> None:
    plan = replace(PLAN, guardrails=("unsubscribe", "bounce"), guardrail_margin=0.01)
    unsubscribed, bounced = analyse(
        plan=plan, arms=[BASELINE, replace(TREATMENT, unsubscribes=30, bounces=500)]
    ).guardrails
    assert unsubscribed.result == non_inferior_rate(
        treatment=Proportion(30, 9000), control=Proportion(20, 9000), margin=0.01
    )
    assert (unsubscribed.result.state, bounced.result.state) == ("holds", "broken")
    assert (bounced.key, bounced.counts, bounced.worse) == ("bounce", (500, 0), True)


def test_a_winner_that_breaks_a_guardrail_is_none() -> None:
    found = analyse(plan=PLAN, arms=[BASELINE, replace(TREATMENT, unsubscribes=200)])
    assert (found.verdict.status, found.verdict.variant) == ("harmful", "")
    assert found.verdict.sentence.startswith(
        "No winner: Recommendations does better, but breaks a guardrail. 200 of 9,000 in Recommendations "
        "unsubscribed, 20 of 9,000 in Bestsellers"
    )


def test_a_winner_whose_harm_is_still_open_is_named_with_that() -> None:
    plan = replace(PLAN, guardrails=("unsubscribe", "complaint"))
    found = analyse(plan=plan, arms=[BASELINE, replace(TREATMENT, unsubscribes=35)])
    assert [one.result.state for one in found.guardrails] == ["open", "holds"]
    assert (found.verdict.status, found.verdict.variant, found.is_decided) == ("winner_at_risk", "B", True)
    assert found.verdict.sentence.startswith("Recommendations wins. ")
    assert "It is not shown to be harmless: 35 of 9,000 in Recommendations unsubscribed" in (
        found.verdict.sentence
    )


def test_harm_ends_a_look_early_only_where_no_other_arm_can_win_any_more() -> None:
    harmful = replace(TREATMENT, converters=300, unsubscribes=200)
    open_one = replace(TREATMENT, key="C", converters=200)
    found = analyse(plan=FIRST_LOOK, arms=[BASELINE, harmful, open_one])
    assert (found.verdict.status, found.is_decided) == ("undecided", False)
    alone = analyse(plan=FIRST_LOOK, arms=[BASELINE, harmful])
    assert (alone.verdict.status, alone.is_decided) == ("harmful", True)
    at_the_end = analyse(plan=PLAN, arms=[BASELINE, harmful, open_one])
    assert at_the_end.verdict.status == "harmful"


def test_the_best_harmless_arm_wins_beside_a_better_harmful_one() -> None:
    harmful = replace(TREATMENT, key="C", converters=280, unsubscribes=200)
    assert analyse(plan=PLAN, arms=[BASELINE, TREATMENT, harmful]).verdict.variant == "B"


def test_what_customers_spent_before_takes_noise_away_and_decides_nothing() -> None:
    prior = Prior(
        minor=900_000, minor_squares=9_000_000_000, times_revenue=6_000_000_000, of_converters=600_000
    )
    arms = [replace(BASELINE, prior=prior), replace(TREATMENT, prior=replace(prior, minor=950_000))]
    found = analyse(plan=PLAN, arms=arms)
    revenue = found.comparisons[2]
    sums = [
        PairedSums(n=9000, x=x, y=buyers * 5000, xx=9_000_000_000, yy=buyers * 5000**2 * 2, xy=6_000_000_000)
        for x, buyers in ((950_000, 240), (900_000, 180))
    ]
    assert revenue.with_less_noise == cuped(treatment=sums[0], control=sums[1])
    assert revenue.variance_saved == pytest.approx(
        1 - cuped(treatment=sums[0], control=sums[1]).variance_kept
    )
    assert found.verdict == analyse(plan=PLAN, arms=[BASELINE, TREATMENT]).verdict
    assert found.comparisons[0].with_less_noise is None


def test_what_the_numbers_could_show_comes_from_the_control_s_own_rate() -> None:
    plan = replace(PLAN, smallest_effect=0.25)
    [found] = analyse(plan=plan, arms=[BASELINE, TREATMENT]).sensitivity
    sizes = {"control_rate": 0.02, "n_treatment": 9000, "n_control": 9000}
    smallest = proportion_minimum_effect(**sizes)
    assert smallest is not None
    assert found.smallest_lift == pytest.approx(smallest / 0.02)
    assert found.power == pytest.approx(proportion_power(treatment_rate=0.025, **sizes))


def test_the_same_for_revenue() -> None:
    plan = replace(PLAN, primary_metric="revenue", smallest_effect=0.25)
    [found] = analyse(plan=plan, arms=[BASELINE, TREATMENT]).sensitivity
    deviation = BASELINE.spending.variance**0.5
    assert found.power == pytest.approx(
        mean_power(deviation=deviation, effect=25.0, n_treatment=9000, n_control=9000)
    )


def test_chances_of_all_mailed_arms_add_up_and_revenue_has_none() -> None:
    found = analyse(plan=PLAN, arms=[BASELINE, TREATMENT, NO_MAIL]).chances
    assert [one.arm.key for one in found] == ["A", "B"]
    assert sum(one.best for one in found) == pytest.approx(1)
    assert found[1].best == pytest.approx(0.9984, abs=5e-4)
    assert analyse(plan=replace(PLAN, primary_metric="revenue"), arms=[BASELINE, TREATMENT]).chances == ()


def test_a_bandit_names_no_winner() -> None:
    found = analyse(plan=replace(PLAN, is_bandit=True), arms=[BASELINE, TREATMENT])
    assert (found.verdict.status, found.deciding[0].significant) == ("nothing_to_compare", False)
    assert found.verdict.sentence.startswith("A bandit gives more to what did better before")
