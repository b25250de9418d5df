"""What an imported experiment found: tests, guards, and a verdict in one sentence."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from experiments.importing.arms import ImportedArm, ImportedSums
from experiments.importing.mapping import metric_of
from experiments.importing.report import ImportedReport, report_of
from experiments.stats.means import compare_means
from experiments.stats.proportions import Proportion, compare_proportions

VISIT, SPEND, PAGES = metric_of("visit=v:rate"), metric_of("spend=s:money:USD"), metric_of("pages=p:number")
generator = np.random.default_rng(31)


def arm(
    name: str, values: np.ndarray, *, before: np.ndarray | None = None, share: float | None = 1.0
) -> ImportedArm:
    """An arm with the same values as its visits (whether any), spend and pages."""
    past = np.zeros(len(values), dtype=np.int64) if before is None else before
    sums = {
        metric.name: ImportedSums(
            total=int(one.sum()),
            squares=int((one**2).sum()),
            products=int((past * one).sum()),
            some=int((one > 0).sum()),
        )
        for metric, one in ((VISIT, (values > 0).astype(np.int64)), (SPEND, values), (PAGES, values * 10_000))
    }
    return ImportedArm(
        key=name,
        name=name,
        n=len(values),
        share=share,
        before=None if before is None else int(past.sum()),
        before_squares=None if before is None else int((past**2).sum()),
        sums=sums,
    )


def spend(size: int, *, buyers: float) -> np.ndarray:
    return np.where(generator.random(size) < buyers, generator.integers(500, 5_000, size), 0)


NONE, ONE, TWO = spend(6_000, buyers=0.05), spend(6_000, buyers=0.06), spend(6_000, buyers=0.09)
ARMS = [arm("none", NONE), arm("one", ONE), arm("two", TWO)]


def found(
    *, primary: str = "visit", arms: list[ImportedArm] = ARMS, metrics: tuple = (VISIT, SPEND)
) -> ImportedReport:
    return report_of(metrics=metrics, primary=primary, arms=arms)


def test_rates_are_compared_as_in_experiments_that_ran_here() -> None:
    two = found().comparisons[1]
    expected = compare_proportions(
        treatment=Proportion(int((TWO > 0).sum()), 6_000),
        control=Proportion(int((NONE > 0).sum()), 6_000),
        alpha=0.025,
    )
    assert (two.alpha, two.p_value) == (0.025, expected.p_value)
    assert (two.difference, two.relative_lift) == (expected.difference, expected.relative_lift)


def test_means_are_scipys_welch_and_incremental_is_the_difference_times_the_customers() -> None:
    two = found().comparisons[3]
    theirs = stats.ttest_ind(TWO, NONE, equal_var=False)
    assert two.p_value == pytest.approx(theirs.pvalue, rel=1e-9)
    assert two.incremental.estimate == pytest.approx((TWO.mean() - NONE.mean()) * 6_000)


def test_numbers_are_shown_in_their_own_unit() -> None:
    two = found(primary="pages", metrics=(PAGES,)).comparisons[1]
    expected = compare_means(
        treatment=ARMS[2].mean(SPEND), control=ARMS[0].mean(SPEND), alpha=two.alpha
    ).difference
    assert (two.difference.low, two.difference.high) == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_each_metric_is_a_family_against_the_control_and_another_among_the_others() -> None:
    report = found()
    assert [(one.metric.name, one.treatment.name, one.control.name) for one in report.comparisons] == [
        ("visit", "one", "none"),
        ("visit", "two", "none"),
        ("spend", "one", "none"),
        ("spend", "two", "none"),
    ]
    assert [(one.treatment.name, one.control.name, one.alpha) for one in report.among] == [
        ("one", "two", 0.05)
    ] * 2


def test_cuped_shows_the_difference_that_the_past_does_not_explain() -> None:
    past = [values * 3 + generator.integers(0, 200, len(values)) for values in (NONE, TWO)]
    arms = [arm("none", NONE, before=past[0]), arm("two", TWO, before=past[1])]
    [one] = found(primary="spend", arms=arms, metrics=(SPEND,)).comparisons
    assert one.adjusted is not None
    assert one.adjusted.variance_saved > 0.95
    assert one.adjusted.difference.high - one.adjusted.difference.low < 0.25 * (
        one.difference.high - one.difference.low
    )
    assert found().comparisons[0].adjusted is None


def test_the_best_arm_that_beats_the_control_wins_and_the_other_is_named() -> None:
    better = arm("one", spend(6_000, buyers=0.08))
    sentence = found(arms=[ARMS[0], better, ARMS[2]]).verdict.sentence
    assert sentence.startswith("two does better than none. two against none: visit ")
    assert sentence.endswith(" So does one.")


def test_without_a_difference_there_is_no_winner() -> None:
    verdict = found(arms=[ARMS[0], arm("one", NONE)]).verdict
    assert verdict.status == "no_winner"
    assert verdict.sentence.startswith(
        "No winner: on visit, one differs from none by 0.00 points, which chance"
    )


def test_a_control_that_beats_them_all_is_said_to() -> None:
    verdict = found(arms=[arm("none", TWO), arm("one", NONE)]).verdict
    assert verdict.status == "holdout_wins"
    assert verdict.sentence.startswith("none does better than all others. one against none: visit ")


def test_arms_of_the_wrong_size_spoil_the_result() -> None:
    lost = arm("two", TWO[:5_000])
    verdict = found(arms=[ARMS[0], lost]).verdict
    assert verdict.status == "invalid"
    assert "the arms came out as 6,000 / 5,000 customers where 5,500 / 5,500 were planned" in verdict.sentence


def test_sizes_are_not_checked_where_nobody_knows_the_plan() -> None:
    arms = [arm("none", NONE, share=None), arm("two", TWO[:5_000], share=None)]
    report = found(arms=arms)
    assert report.ratio is None
    assert report.verdict.status == "winner"


def test_money_of_few_buyers_is_not_judged() -> None:
    arms = [arm("none", spend(1_000, buyers=0.03)), arm("two", spend(1_000, buyers=0.09))]
    report = found(primary="spend", arms=arms, metrics=(SPEND,))
    few = arms[0].sums["spend"].some
    assert report.verdict.sentence == (
        f"Too few to judge: {few} customers of none have any spend, and it is judged only from 100 in the smaller arm "
        "on, because a few large values would decide."
    )


def test_a_handful_of_visits_is_too_few() -> None:
    rare = [
        replace(one, sums={**one.sums, "visit": ImportedSums(total=2, squares=2, products=0, some=2)})
        for one in ARMS[:2]
    ]
    assert found(arms=rare, metrics=(VISIT,)).verdict.sentence == (
        "Too few to judge: visit was yes for only 4 of 12,000 customers, too few for the test to hold."
    )


def test_nothing_in_any_arm_is_a_report_all_the_same() -> None:
    arms = [arm("none", NONE * 0), arm("one", NONE * 0)]
    report = found(primary="spend", arms=arms)
    assert report.verdict.status == "too_few"
    assert [one.findable for one in report.comparisons][1] is None
