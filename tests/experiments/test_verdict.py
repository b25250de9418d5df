"""The sentence an experiment ends with."""

from dataclasses import replace
from datetime import timedelta

from experiments.analysis import analyse
from experiments.outcomes import ArmOutcomes, Plan, Sending
from experiments.report import Verdict
from tests.experiments.arms import AS_OF, BASELINE, NO_MAIL, PLAN, STILL_OPEN, TREATMENT

WINNER = (
    "Recommendations wins. Recommendations against the baseline Bestsellers: "
    "conversion rate 2.67% against 2.00%, +0.67 points (95% interval +0.23 points to +1.11 "
    "points), a relative lift of +33.3% (+10.2% to +61.4%); p = 0.003."
)
NO_WINNER = (
    "No winner: on conversion rate, Recommendations differs from the baseline Bestsellers"
    " by +0.11 points, which chance alone could explain (95% interval −0.30 points "
    "to +0.53 points)."
)
INVALID = (
    "This result is not valid: assigned customers came out as 9,000 / 8,400 / 2,000 where 8,730"
    " / 8,730 / 1,940 were planned, which chance alone hardly explains (p < 0.001). Find the cause "
    "before reading any difference."
)
HEADLINES = (
    "Personalising with Recommendations, measured against the baseline Bestsellers, was"
    " worth +£3,000.00 of revenue within 7 days from 9,000 recipients (95% interval +£176.35 to"
    " +£5,823.65).",
    "Sending Bestsellers, measured against the no-mail holdout, was worth "
    "+£4,500.00 of revenue within 7 days from 9,000 recipients (95% interval +£1,157.27 to "
    "+£7,842.73). Not judged: 20 customers in No mail ordered, and revenue is judged "
    "only from 400 in the smaller arm on, because a few large orders would decide.",
    "Sending Recommendations, measured against the no-mail holdout, was "
    "worth +£7,500.00 of revenue within 7 days from 9,000 recipients (97.5% interval +£3,489.16"
    " to +£11,510.84). Not judged: 20 customers in No mail ordered, and revenue is "
    "judged only from 400 in the smaller arm on, because a few large orders would decide.",
)


def verdict(*arms: ArmOutcomes, plan: Plan = PLAN) -> Verdict:
    return analyse(plan=plan, arms=arms).verdict


def test_a_winner_is_named_with_its_rates_interval_lift_and_holdout() -> None:
    assert verdict(BASELINE, TREATMENT, NO_MAIL) == Verdict("winner", WINNER, "B")


def test_no_winner_is_a_result() -> None:
    found = verdict(BASELINE, replace(TREATMENT, converters=190), NO_MAIL)
    assert found == Verdict("no_winner", NO_WINNER)


def test_the_baseline_can_win() -> None:
    found = verdict(BASELINE, replace(TREATMENT, converters=110), NO_MAIL)
    assert (found.status, found.variant) == ("holdout_wins", "A")
    assert found.sentence.startswith("The baseline Bestsellers does better than Recommendations. ")


def test_a_significantly_better_arm_wins_beside_a_small_one_that_only_looks_better() -> None:
    few = {"assigned": 300, "delivered": 300, "human_opens": 90, "human_clicks": 15, "converters": 10}
    small = replace(TREATMENT, key="C", name="C", weight=150, **few)
    assert verdict(BASELINE, TREATMENT, small).sentence.startswith("Recommendations wins. ")


def test_of_several_that_beat_the_baseline_the_highest_is_not_named_best_unless_shown() -> None:
    higher = replace(TREATMENT, key="C", name="C", converters=250)
    found = verdict(BASELINE, TREATMENT, higher)
    assert (found.status, found.variant) == ("winner", "C")
    assert found.sentence.startswith(
        "Recommendations and C do better than the baseline Bestsellers; which of them is "
        "best is not shown. C is the highest, though not shown to be better than Recommendations"
        ". "
    )


def test_of_several_the_best_wins_where_it_is_shown_to_be() -> None:
    found = verdict(BASELINE, TREATMENT, replace(TREATMENT, key="C", name="C", converters=340))
    assert (found.status, found.variant) == ("winner", "C")
    assert found.sentence.startswith("C wins. ")


def test_only_those_that_the_highest_is_not_shown_to_beat_are_named_with_it() -> None:
    others = [replace(TREATMENT, key=key, name=key, converters=n) for key, n in (("C", 360), ("D", 350))]
    sentence = verdict(BASELINE, TREATMENT, *others).sentence
    assert sentence.startswith("C and D do better than the baseline Bestsellers; which of them is best")
    assert "C is the highest, though not shown to be better than D." in sentence


def test_several_mails_that_beat_no_mail_are_not_ranked_by_chance() -> None:
    arms = [replace(TREATMENT, key=key, name=key, converters=n) for key, n in (("B", 240), ("C", 250))]
    sentence = verdict(*arms, NO_MAIL).sentence
    assert sentence.startswith(
        "Sending B and C does better than no mail; which of them is best is not shown."
    )


def test_a_worse_arm_beside_an_undecided_one_is_no_winner_and_chance_explains_only_the_latter() -> None:
    found = verdict(
        BASELINE, replace(TREATMENT, converters=110), replace(TREATMENT, key="C", name="C", converters=190)
    )
    assert found.status == "no_winner"
    assert "C differs from the baseline Bestsellers by +0.11 points" in found.sentence


def test_deliveries_out_of_step_while_sending_are_no_mismatch() -> None:
    behind = replace(TREATMENT, delivered=4000)
    assert verdict(BASELINE, behind, plan=replace(PLAN, window_closes_at=None)).status == "too_early"


def test_an_open_window_is_too_early() -> None:
    assert verdict(BASELINE, TREATMENT, NO_MAIL, plan=STILL_OPEN) == Verdict(
        "too_early",
        "Too early to judge: the conversion window of 7 days is open until 22 March 2026, 12:00 UTC. "
        "Looking earlier would find winners that are none.",
    )


def test_messages_still_going_out_are_too_early() -> None:
    sending = replace(PLAN, window_closes_at=None)
    found = verdict(BASELINE, TREATMENT, plan=sending)
    assert found == Verdict("too_early", "Too early to judge: messages are still being sent.")


def test_a_pause_is_said_to_be_one() -> None:
    paused = Sending(launched_at=AS_OF, is_paused=True, messages=1_000, waiting=400)
    found = verdict(BASELINE, TREATMENT, plan=replace(PLAN, window_closes_at=None, sending=paused))
    assert found.sentence == "Too early to judge: the sending is paused, and 400 of 1,000 messages wait."


def warnings(**sending: object) -> tuple[str, ...]:
    plan = replace(PLAN, sending=Sending(**{"launched_at": AS_OF, "messages": 18_000, **sending}))
    return analyse(plan=plan, arms=[BASELINE, TREATMENT]).warnings


def test_a_sending_that_took_days_is_warned_of() -> None:
    assert warnings(late=4_000, latest_by=timedelta(days=8, hours=1)) == (
        "4,000 of 18,000 messages went out hours after they were due, up to 8 days late. The window of 7 days starts "
        "when each mail is due, so these customers had less of it, and differences come out smaller.",
    )


def test_a_cancelled_campaign_is_warned_of() -> None:
    [found] = warnings(is_cancelled=True, latest_by=timedelta())
    assert found.startswith(
        "The campaign was cancelled. Customers whose mail was not sent count in their arms"
    )


def test_a_sending_that_went_out_at_once_is_not_warned_of() -> None:
    assert warnings(latest_by=timedelta(hours=2)) == ()


def test_a_handful_of_orders_is_too_few() -> None:
    found = verdict(replace(BASELINE, converters=1), replace(TREATMENT, converters=6))
    assert found == Verdict(
        "too_few", "Too few to judge: only 7 of 18,000 customers ordered, too few for the test to hold."
    )


def test_revenue_below_the_minimum_of_buyers_is_too_few() -> None:
    found = verdict(replace(BASELINE, converters=99), TREATMENT, plan=replace(PLAN, primary_metric="revenue"))
    assert found.status == "too_few"
    assert "99 customers in Bestsellers ordered, and revenue is judged only from 100" in found.sentence


def test_mismatched_arms_make_the_result_invalid() -> None:
    lost = replace(TREATMENT, assigned=8400, delivered=8300)
    assert verdict(BASELINE, lost, NO_MAIL) == Verdict("invalid", INVALID)


def test_lost_deliveries_in_one_arm_make_the_result_invalid() -> None:
    found = verdict(BASELINE, replace(TREATMENT, delivered=8200), NO_MAIL)
    assert found.status == "invalid"
    assert found.sentence.startswith(
        "This result is not valid: delivered customers came out as 8,900 / 8,200"
    )


def test_mismatched_arms_are_invalid_even_while_the_window_is_open() -> None:
    lost = replace(TREATMENT, assigned=8400, delivered=8300)
    assert verdict(BASELINE, lost, NO_MAIL, plan=STILL_OPEN).status == "invalid"


def test_without_a_baseline_the_e_mail_itself_is_judged() -> None:
    treatment, none = replace(TREATMENT, weight=8182), replace(NO_MAIL, weight=1818)
    found = verdict(treatment, none)
    assert found.status == "winner"
    assert found.sentence.startswith("Sending Recommendations does better than no mail.")


def test_clicks_cannot_be_judged_against_customers_who_got_no_mail() -> None:
    treatment, none = replace(TREATMENT, weight=8182), replace(NO_MAIL, weight=1818)
    found = verdict(treatment, none, plan=replace(PLAN, primary_metric="human_click"))
    assert found.status == "nothing_to_compare"
    assert "customers who got no mail cannot click" in found.sentence


def test_headlines_name_the_holdout_and_say_when_they_are_not_judged() -> None:
    assert analyse(plan=PLAN, arms=[BASELINE, TREATMENT, NO_MAIL]).headlines == HEADLINES
