"""The clock of repeated looks: how much of the planned information the arms that decide have brought."""

from dataclasses import replace

import pytest

from experiments.information import Expectation, compared_arms, fraction
from tests.experiments.arms import BASELINE, NO_MAIL, TREATMENT

ARMS = [BASELINE, TREATMENT, NO_MAIL]


def test_only_the_arms_that_are_compared_count() -> None:
    waiting = replace(TREATMENT, key="rest", role="remainder")
    without = [TREATMENT, NO_MAIL, waiting]
    assert [arm.key for arm in compared_arms([*ARMS, waiting], metric="conversion")] == ["A", "B"]
    assert [arm.key for arm in compared_arms(without, metric="conversion")] == ["B", "none"]
    assert [arm.key for arm in compared_arms(without, metric="human_click")] == ["B"]


def test_conversions_are_held_against_the_planned_ones() -> None:
    found = fraction(ARMS, metric="conversion", expected=Expectation(value=0.05), elapsed=0.3)
    assert found == pytest.approx((420 * 18_000 / (18_000 - 420)) / (900 / (1 - 0.05)), rel=1e-12)


def test_revenue_is_held_against_the_planned_spread() -> None:
    found = fraction(ARMS, metric="revenue", expected=Expectation(value=100, deviation=2_000.0), elapsed=0.3)
    total, squares = 420 * 5_000, 420 * 5_000**2 * 2
    assert found == pytest.approx((squares - total**2 / 18_000) / (18_000 * 2_000**2), rel=1e-12)


@pytest.mark.parametrize("metric", ["conversion", "revenue", "human_click"])
def test_a_plan_that_expects_nothing_goes_by_the_time_that_is_over(metric: str) -> None:
    assert fraction(ARMS, metric=metric, expected=Expectation(value=None), elapsed=0.3) == 0.3


def test_before_anybody_did_anything_there_is_next_to_none() -> None:
    nobody = [replace(arm, converters=0) for arm in ARMS]
    assert fraction(nobody, metric="conversion", expected=Expectation(value=0.05), elapsed=0) == 1e-6
    assert fraction([], metric="conversion", expected=Expectation(value=0.05), elapsed=0.9) == 1e-6
