"""Who passes: the challenger, paired with the one in use customer by customer."""

import numpy as np
import pytest

from recommendations.gate import duel

THEIRS = np.random.default_rng(3).uniform(0.2, 0.8, 400)


@pytest.mark.parametrize(
    ("gain", "is_passed", "outcome"),
    [
        (0.1, True, "it is better"),
        (0.0, True, "not worse by more than the 0.0100 allowed"),
        (-0.005, True, "not worse by more than the 0.0100 allowed"),
        (-0.05, False, "it is worse"),
    ],
)
def test_a_challenger_passes_unless_it_may_be_worse(gain: float, is_passed: bool, outcome: str) -> None:
    found = duel(rival="v1", measure="NDCG@10", ours=THEIRS + gain, theirs=THEIRS, scale=0.5)
    assert found.is_passed is is_passed
    assert found.sentence().endswith(f": {outcome}.")


def test_what_may_be_worse_for_all_that_is_known_is_refused() -> None:
    noise = np.random.default_rng(4).normal(0, 0.5, 400)
    found = duel(rival="v1", measure="NDCG@10", ours=THEIRS + noise - noise.mean(), theirs=THEIRS, scale=0.5)
    assert (found.is_passed, found.difference.verdict) == (False, "no difference shown")
    assert "it may be worse by more than the 0.0100 allowed" in found.sentence()


def test_an_easy_season_lifts_both_alike() -> None:
    hard = duel(rival="v1", measure="NDCG@10", ours=THEIRS, theirs=THEIRS, scale=0.5)
    easy = duel(rival="v1", measure="NDCG@10", ours=THEIRS + 0.2, theirs=THEIRS + 0.2, scale=0.5)
    assert easy.difference == hard.difference


def test_the_sentence_says_whom_by_how_much_and_how_sure() -> None:
    found = duel(rival="blend v4", measure="NDCG@10", ours=THEIRS + 0.1, theirs=THEIRS, scale=0.5)
    assert found.sentence() == (
        "Against blend v4 on the same 400 customers its NDCG@10 is 0.1000 better (95 % interval +0.1000 to +0.1000): "
        "it is better."
    )


def test_nobody_to_compare_on_is_no_pass() -> None:
    nobody = np.empty(0)
    found = duel(rival="v1", measure="NDCG@10", ours=nobody, theirs=nobody, scale=0.0)
    assert (found.is_passed, found.sentence()) == (
        False,
        "There are no customers on whom it could be compared with v1.",
    )
