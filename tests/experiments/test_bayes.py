"""Beta posteriors, against closed forms and scipy."""

from math import exp, log

import pytest
from scipy import stats
from scipy.integrate import quad
from scipy.special import betaln

from experiments.stats.bayes import (
    BetaPosterior,
    credible_interval,
    expected_loss,
    posterior,
    probability_beats,
    probability_best,
    thompson_weights,
)
from experiments.stats.proportions import Proportion

PAIRS = [
    (BetaPosterior(121, 881), BetaPosterior(101, 901)),
    (BetaPosterior(1, 1), BetaPosterior(1, 1)),
    (BetaPosterior(3, 20), BetaPosterior(40, 90)),
    (BetaPosterior(20_001, 980_001), BetaPosterior(19_801, 980_201)),
]
THREE = [BetaPosterior(31, 271), BetaPosterior(38, 264), BetaPosterior(26, 276)]


def closed_form(treatment: BetaPosterior, control: BetaPosterior) -> float:
    """Evan Miller (2015), "Formulas for Bayesian A/B testing", equation 6, for an integer alpha."""
    return sum(
        exp(
            betaln(control.alpha + i, treatment.beta + control.beta)
            - log(treatment.beta + i) - betaln(1 + i, treatment.beta) - betaln(control.alpha, control.beta)
        )
        for i in range(int(treatment.alpha))
    )  # fmt: skip


@pytest.mark.parametrize("pair", PAIRS)
def test_the_chance_to_beat_is_the_published_closed_form(pair: tuple[BetaPosterior, BetaPosterior]) -> None:
    assert probability_beats(*pair) == pytest.approx(closed_form(*pair), abs=1e-7)


def test_the_chance_to_be_best_of_three_is_scipys_integral() -> None:
    arms = [stats.beta(arm.alpha, arm.beta) for arm in THREE]
    expected = [
        quad(lambda x, i=i: arms[i].pdf(x) * arms[i - 1].cdf(x) * arms[i - 2].cdf(x), 0, 0.4, epsabs=1e-12)[0]
        for i in range(3)
    ]
    assert probability_best(THREE) == pytest.approx(tuple(expected), abs=1e-9)


def test_the_expected_loss_is_scipys_integral() -> None:
    arms = [stats.beta(arm.alpha, arm.beta) for arm in THREE]
    highest = quad(lambda x: 1 - arms[0].cdf(x) * arms[1].cdf(x) * arms[2].cdf(x), 0, 1, points=[0.1, 0.2])[0]
    expected = tuple(highest - arm.mean for arm in THREE)
    assert expected_loss(THREE) == pytest.approx(expected, abs=1e-8)


def test_chances_add_up_to_one_also_where_one_arm_is_sure() -> None:
    chances = probability_best(
        [BetaPosterior(900_001, 100_001), BetaPosterior(1_001, 999_001), BetaPosterior(1, 1)]
    )
    assert sum(chances) == pytest.approx(1.0, abs=1e-12)
    assert chances[1] == pytest.approx(0.0, abs=1e-12)
    assert chances[2] == pytest.approx(0.1, abs=1e-3)


def test_the_posterior_adds_what_was_seen_to_the_prior() -> None:
    assert posterior(Proportion(3, 10)) == BetaPosterior(4.0, 8.0)
    assert posterior(Proportion(0, 0), prior_alpha=2, prior_beta=50) == BetaPosterior(2, 50)


def test_the_credible_interval_is_scipys() -> None:
    found = credible_interval(BetaPosterior(4, 8), level=0.9)
    assert (found.low, found.high) == pytest.approx(stats.beta(4, 8).interval(0.9), rel=1e-10)


def test_thompson_weights_are_the_chances_in_whole_basis_points() -> None:
    weights = thompson_weights(THREE)
    assert sum(weights) == 10_000
    assert weights == pytest.approx([chance * 10_000 for chance in probability_best(THREE)], abs=1)


def test_no_arm_is_starved() -> None:
    weights = thompson_weights([BetaPosterior(900, 100), BetaPosterior(100, 900)], least=500)
    assert weights == (9_500, 500)


def test_equal_arms_share_evenly() -> None:
    assert thompson_weights([BetaPosterior(5, 50)] * 3) == (3_334, 3_333, 3_333)


def test_bad_input_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="alpha must be a positive number"):
        BetaPosterior(0, 1)
    with pytest.raises(ValueError, match="arms must hold"):
        probability_best([])
    with pytest.raises(ValueError, match="least must leave 2 arms within 10000"):
        thompson_weights([BetaPosterior(1, 1)] * 2, least=6_000)
