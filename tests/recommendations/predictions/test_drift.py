"""How far today's customers lie from those that were learnt from."""

import json

import numpy as np
import pytest

from recommendations.predictions.methods.drift import profile, stability_index


def test_the_same_distribution_has_no_drift() -> None:
    rng = np.random.default_rng(1)
    then, now = rng.normal(size=20_000), rng.normal(size=20_000)
    assert stability_index(profile(then), then) == 0.0
    assert stability_index(profile(then), now) < 0.005


def test_a_shift_by_one_deviation_is_large() -> None:
    rng = np.random.default_rng(1)
    assert stability_index(profile(rng.normal(size=20_000)), rng.normal(1, 1, 20_000)) == pytest.approx(
        0.9, abs=0.1
    )


def test_the_index_is_the_sum_over_parts() -> None:
    then, now = np.array(["GB"] * 8 + ["DE"] * 2), np.array(["GB"] * 5 + ["DE"] * 5)
    expected = (0.5 - 0.8) * np.log(0.5 / 0.8) + (0.5 - 0.2) * np.log(0.5 / 0.2)
    assert stability_index(profile(then), now) == pytest.approx(expected)


def test_values_that_were_not_there_and_missing_ones_count() -> None:
    assert stability_index(profile(np.array(["GB"] * 9 + ["DE"])), np.array(["FR"] * 10)) > 5
    assert stability_index(profile(np.arange(10.0)), np.full(10, np.nan)) > 5


def test_a_profile_is_plain_and_an_empty_column_does_no_harm() -> None:
    found = json.loads(json.dumps(profile(np.full(5, np.nan))))
    assert stability_index(found, np.full(3, np.nan)) == 0.0
    assert stability_index(profile(np.zeros(0)), np.zeros(0)) == 0.0
    assert stability_index(profile(np.array([3.0, 3.0, 3.0])), np.array([3.0])) == 0.0
