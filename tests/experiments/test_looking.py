"""Looking more than once: each look is as strict as its way of looking asks for, and p-values and levels agree."""

import pytest
from scipy.stats import norm

from experiments.looking import ONCE, Anytime, AtLooks, Looking, at_look, in_between
from experiments.stats.anytime import always_valid_p, tuned_ratio

THIRDS = (1 / 3, 2 / 3, 1.0)


def test_three_even_looks_have_the_published_boundaries_of_lan_and_demets() -> None:
    found = [AtLooks(THIRDS[:count]).critical(0.05) for count in (1, 2, 3)]
    assert found == pytest.approx([3.7103, 2.5114, 1.9930], abs=5e-4)


def test_pocock_spends_more_at_the_first_look() -> None:
    found = [AtLooks(THIRDS[:count], spending="pocock").critical(0.05) for count in (1, 2, 3)]
    assert found == pytest.approx([2.279, 2.295, 2.296], abs=2e-3)


@pytest.mark.parametrize(
    "looking",
    [ONCE, AtLooks(THIRDS[:2]), AtLooks(THIRDS, is_final=True), AtLooks((0.5,), spending="pocock")],
    ids=["once", "second", "last", "pocock"],
)
@pytest.mark.parametrize("p_value", [0.0001, 0.01, 0.04])
def test_a_p_value_and_its_level_are_each_other_s_inverse(looking: Looking, p_value: float) -> None:
    held = looking.p_value(p_value)
    assert looking.level(held) == pytest.approx(p_value, rel=1e-5)
    assert held >= p_value


def test_a_look_that_brings_nothing_new_rejects_nothing() -> None:
    looking = AtLooks((0.5, 0.5))
    assert looking.critical(0.05) == float("inf")
    assert looking.level(0.05) == 1e-12
    assert looking.p_value(1e-6) == 1.0


def test_at_any_time_the_p_value_is_the_always_valid_one() -> None:
    looking = Anytime(ratio=4.1)
    expected = float(always_valid_p(z=3.0, ratio=4.1))
    assert looking.p_value(float(2 * norm.sf(3.0))) == pytest.approx(expected, rel=1e-12)
    assert looking.level(expected) == pytest.approx(2 * norm.sf(3.0), rel=1e-9)


def test_the_method_of_the_plan_chooses_the_way_of_looking() -> None:
    plan = {"earlier": [0.2, 0.6], "fraction": 0.5, "elapsed": 0.9, "is_final": False, "alpha": 0.05}
    assert at_look("fixed", **plan) is ONCE
    assert at_look("pocock", **plan) == AtLooks((0.2, 0.6, 0.6), spending="pocock")
    assert at_look("anytime", **plan) == in_between(fraction=0.5, alpha=0.05)
    assert in_between(fraction=0.5, alpha=0.05) == Anytime(ratio=tuned_ratio(alpha=0.05) / 2)


def test_a_planned_look_counts_for_no_more_than_the_time_that_is_over() -> None:
    looking = at_look("obrien_fleming", earlier=[], fraction=1.4, elapsed=0.25, is_final=False, alpha=0.05)
    assert looking == AtLooks((0.25,))
    assert looking.critical(0.05) > 4
