"""What a plan needs agrees with the formulas of experiments.stats.power, for any weights and ways of looking."""

import pytest

from experiments.models import Experiment, Variant
from experiments.planning import (
    Comparison,
    Expectation,
    comparison_of,
    customers_needed,
    inflation_of,
    smallest_lift,
)
from experiments.stats.power import (
    mean_minimum_effect,
    mean_sample_size,
    proportion_minimum_effect,
    proportion_power,
    proportion_sample_size,
)

RATE = Expectation(value=0.02)
SPEND = Expectation(value=150.0, deviation=1200.0)


def plan(*treatments: int, control: int = 4500, method: str = "fixed", looks: int = 1) -> Comparison:
    """A comparison of arms with these weights."""
    return Comparison(
        control=control, treatments=treatments or (4500,), alpha=0.05, power=0.8, method=method, looks=looks
    )


def variants(*arms: tuple[str, int]) -> list[Variant]:
    return [Variant(key=role[0] + str(n), role=role, weight=weight) for n, (role, weight) in enumerate(arms)]


def test_two_equal_arms_need_what_the_pooled_test_says() -> None:
    treatment, control = proportion_sample_size(control_rate=0.02, treatment_rate=0.022)
    assert customers_needed(plan(), RATE, lift=0.1) == treatment + control


def test_revenue_needs_what_the_test_of_means_says() -> None:
    treatment, control = mean_sample_size(deviation=1200.0, effect=15.0)
    assert customers_needed(plan(), SPEND, lift=0.1) == treatment + control


def test_unequal_arms_need_more_and_reach_the_power() -> None:
    needed = customers_needed(plan(1000, control=9000), RATE, lift=0.1)
    assert needed is not None
    assert needed > (customers_needed(plan(5000, control=5000), RATE, lift=0.1) or 0)
    reached = proportion_power(
        control_rate=0.02, treatment_rate=0.022, n_treatment=needed // 10, n_control=needed * 9 // 10
    )
    assert reached == pytest.approx(0.8, abs=1e-4)


def test_several_arms_divide_the_error_rate_and_the_smallest_decides() -> None:
    _, control = proportion_sample_size(control_rate=0.02, treatment_rate=0.022, alpha=0.025, ratio=0.5)
    assert customers_needed(plan(2000, 4000, control=4000), RATE, lift=0.1) == pytest.approx(
        control * 10_000 / 4000, rel=1e-4
    )


@pytest.mark.parametrize("expected", [RATE, SPEND], ids=["rate", "revenue"])
@pytest.mark.parametrize(("method", "looks"), [("fixed", 1), ("obrien_fleming", 5), ("anytime", 1)])
def test_the_smallest_lift_of_the_customers_needed_is_the_lift(
    expected: Expectation, method: str, looks: int
) -> None:
    comparison = plan(3000, 2000, control=4000, method=method, looks=looks)
    needed = customers_needed(comparison, expected, lift=0.12)
    assert needed is not None
    assert smallest_lift(comparison, expected, customers=needed) == pytest.approx(0.12, rel=1e-3)


def test_the_smallest_lift_agrees_with_the_formulas() -> None:
    rate = proportion_minimum_effect(control_rate=0.02, n_treatment=1200, n_control=1200)
    assert rate is not None
    assert smallest_lift(plan(), RATE, customers=2400) == pytest.approx(rate / 0.02)
    mean = mean_minimum_effect(deviation=1200.0, n_treatment=1200, n_control=1200)
    assert smallest_lift(plan(), SPEND, customers=2400) == pytest.approx(mean / 150.0)


@pytest.mark.parametrize(
    ("method", "looks", "published"),
    [("fixed", 1, 1.0), ("obrien_fleming", 5, 1.028), ("pocock", 5, 1.229)],
    ids=["once", "obrien_fleming", "pocock"],
)
def test_looking_costs_what_jennison_and_turnbull_say(method: str, looks: int, published: float) -> None:
    """Their constants are of the exact boundaries; alpha spending comes within 2 % of them."""
    assert inflation_of(method=method, looks=looks, alpha=0.05, power=0.8) == pytest.approx(
        published, rel=0.02
    )


def test_looking_whenever_one_likes_costs_most() -> None:
    cost = inflation_of(method="anytime", looks=1, alpha=0.05, power=0.8)
    assert 1.5 < cost < 2.5


@pytest.mark.parametrize(
    ("expected", "lift"),
    [
        (Expectation(value=0.0), 0.1),
        (Expectation(value=0.6), 0.7),
        (RATE, 0.0),
        (Expectation(value=9.0, deviation=0.0), 0.1),
    ],
    ids=["no rate", "beyond one", "no lift", "no deviation"],
)
def test_nothing_is_promised_where_nothing_can_be_found(expected: Expectation, lift: float) -> None:
    assert customers_needed(plan(), expected, lift=lift) is None


def test_a_handful_of_people_show_nothing() -> None:
    assert smallest_lift(plan(), RATE, customers=1) is None
    assert smallest_lift(plan(), RATE, customers=40) is not None
    assert smallest_lift(plan(), Expectation(value=0.5), customers=4) is None


@pytest.mark.parametrize(
    ("arms", "metric", "control", "treatments"),
    [
        ([("baseline", 4500), ("treatment", 4500), ("no_mail", 1000)], "conversion", 4500, (4500,)),
        ([("treatment", 9000), ("no_mail", 1000)], "revenue", 1000, (9000,)),
        ([("treatment", 3000), ("treatment", 6000), ("no_mail", 1000)], "human_click", 3000, (6000,)),
        ([("baseline", 2000), ("treatment", 3000), ("remainder", 5000)], "conversion", 2000, (3000,)),
    ],
    ids=["baseline", "no mail", "first arm", "remainder"],
)
def test_arms_are_compared_with_the_holdout_that_can_answer(
    arms: list[tuple[str, int]], metric: str, control: int, treatments: tuple[int, ...]
) -> None:
    found = comparison_of(Experiment(primary_metric=metric), variants(*arms))
    assert found is not None
    assert (found.control, found.treatments) == (control, treatments)


@pytest.mark.parametrize(
    "arms", [[("treatment", 10_000)], [("treatment", 9000), ("no_mail", 1000)], []], ids=str
)
def test_without_a_control_nothing_is_compared(arms: list[tuple[str, int]]) -> None:
    assert comparison_of(Experiment(primary_metric="human_click"), variants(*arms)) is None
