"""Sample sizes and minimum effects, against statsmodels."""

from math import ceil

import pytest
from statsmodels.stats.power import NormalIndPower, normal_sample_size_one_tail
from statsmodels.stats.proportion import power_proportions_2indep, samplesize_proportions_2indep_onetail

from experiments.stats.power import (
    evan_miller_minimum_effect,
    evan_miller_sample_size,
    mean_minimum_effect,
    mean_power,
    mean_sample_size,
    proportion_minimum_effect,
    proportion_power,
    proportion_sample_size,
)


@pytest.mark.parametrize(("control_rate", "treatment_rate"), [(0.02, 0.025), (0.1, 0.12), (0.3, 0.25)])
def test_the_sample_size_is_statsmodels(control_rate: float, treatment_rate: float) -> None:
    theirs = samplesize_proportions_2indep_onetail(
        treatment_rate - control_rate, control_rate, 0.8, alpha=0.05, alternative="two-sided"
    )
    ours = proportion_sample_size(control_rate=control_rate, treatment_rate=treatment_rate)
    assert ours == (ceil(theirs), ceil(theirs))


def test_two_against_two_and_a_half_per_cent_needs_13809_in_each_arm() -> None:
    assert proportion_sample_size(control_rate=0.02, treatment_rate=0.025) == (13_809, 13_809)


@pytest.mark.parametrize(("n_treatment", "n_control"), [(5000, 5000), (9000, 1000), (1000, 9000)])
def test_power_is_statsmodels_with_both_tails(n_treatment: int, n_control: int) -> None:
    ours = proportion_power(
        control_rate=0.02, treatment_rate=0.025, n_treatment=n_treatment, n_control=n_control
    )
    theirs = power_proportions_2indep(0.005, 0.02, n_treatment, ratio=n_control / n_treatment)
    assert ours == pytest.approx(theirs.power, rel=1e-9)


def test_an_unequal_split_reaches_the_power_it_was_sized_for() -> None:
    treatment, control = proportion_sample_size(control_rate=0.02, treatment_rate=0.025, ratio=9)
    reached = proportion_power(
        control_rate=0.02, treatment_rate=0.025, n_treatment=treatment, n_control=control
    )
    assert treatment == pytest.approx(9 * control, abs=9)
    assert reached == pytest.approx(0.8, abs=2e-4)


def test_the_minimum_effect_is_the_sample_size_read_backwards() -> None:
    effect = proportion_minimum_effect(control_rate=0.02, n_treatment=13_809, n_control=13_809)
    assert effect == pytest.approx(0.005, rel=1e-4)


def test_a_handful_of_customers_has_no_minimum_effect() -> None:
    assert proportion_minimum_effect(control_rate=0.5, n_treatment=2, n_control=2) is None


def test_the_minimum_effect_of_a_mean_inverts_statsmodels_sample_size() -> None:
    needed = normal_sample_size_one_tail(10.0, 0.8, 0.025, std_null=2**0.5 * 150)
    effect = mean_minimum_effect(deviation=150.0, n_treatment=round(needed), n_control=round(needed))
    assert effect == pytest.approx(10.0, rel=1e-4)


def test_equal_rates_are_refused() -> None:
    with pytest.raises(ValueError, match="equal rates"):
        proportion_sample_size(control_rate=0.02, treatment_rate=0.02)


# evanmiller.org/ab-testing/sample-size.html, 5 % and 80 %; the first is the page as it opens.
@pytest.mark.parametrize(
    ("control_rate", "effect", "published"),
    [(0.2, 0.05, 1_030), (0.2, 0.01, 25_255), (0.1, 0.01, 14_313), (0.8, -0.05, 1_030)],
)
def test_evan_millers_sample_size_is_his(control_rate: float, effect: float, published: int) -> None:
    assert evan_miller_sample_size(control_rate=control_rate, effect=abs(effect)) == published


def test_his_minimum_effect_is_his_sample_size_read_backwards() -> None:
    effect = evan_miller_minimum_effect(control_rate=0.2, n=1_030)
    assert effect == pytest.approx(0.05, abs=2e-5)
    assert evan_miller_minimum_effect(control_rate=0.2, n=1) is None


def test_the_sample_size_of_a_mean_is_statsmodels() -> None:
    theirs = NormalIndPower().solve_power(effect_size=10 / 150, power=0.8, alpha=0.05, ratio=1)
    assert mean_sample_size(deviation=150, effect=10) == (ceil(theirs), ceil(theirs))


@pytest.mark.parametrize("sizes", [(3_000, 3_000), (900, 100)])
def test_the_power_of_a_mean_is_statsmodels(sizes: tuple[int, int]) -> None:
    treatment, control = sizes
    theirs = NormalIndPower().power(10 / 150, treatment, 0.05, ratio=control / treatment)
    ours = mean_power(deviation=150, effect=10, n_treatment=treatment, n_control=control)
    assert ours == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [({"alpha": 0}, "alpha"), ({"power": 1}, "power"), ({"effect": 0}, "effect"), ({"effect": 0.9}, "effect"),
     ({"control_rate": 0}, "control_rate")],
)  # fmt: skip
def test_bad_plans_are_refused_by_name(arguments: dict[str, float], named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named} must"):
        evan_miller_sample_size(**{"control_rate": 0.2, "effect": 0.05} | arguments)
