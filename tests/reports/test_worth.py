"""What campaigns were worth, added up and pooled, from sufficient statistics."""

from math import sqrt

import numpy as np
import pytest
from statsmodels.stats.meta_analysis import combine_effects

from experiments.outcomes import ArmOutcomes, Role
from reports.costs import Costs, costs_of, return_on
from reports.models import CampaignCost, ReportSettings
from reports.pooling import pooled
from reports.worth import worth


def arm(role: Role, spends: list[int], *, key: str = "") -> ArmOutcomes:
    """An arm of customers who spent so much each."""
    return ArmOutcomes(
        key=key or role,
        name=role,
        role=role,
        weight=3_000,
        assigned=len(spends),
        converters=sum(1 for spend in spends if spend),
        revenue_minor=sum(spends),
        revenue_minor_squares=sum(spend * spend for spend in spends),
    )


def test_mail_is_worth_what_the_mailed_spent_beyond_as_many_held_out() -> None:
    arms = [arm("baseline", [0, 100]), arm("treatment", [300, 100, 200]), arm("no_mail", [0, 0, 60, 20])]
    found = worth(arms, against="no_mail")
    assert found is not None
    assert (found.minor, found.treated) == (600.0, 5)
    assert found.variance == pytest.approx(2 * 5_000 + 3 * 10_000 + 25 * 800 / 4)
    assert found.doubt == "only 2 customers of the smaller group ordered; it takes 100"


def test_personalisation_is_worth_what_treatments_spent_beyond_the_baseline() -> None:
    arms = [arm("baseline", [0, 100]), arm("treatment", [300, 100, 200]), arm("no_mail", [0, 0, 60, 20])]
    found = worth(arms, against="baseline")
    assert found is not None
    assert (found.minor, found.treated) == (450.0, 3)
    assert found.variance == pytest.approx(3 * 10_000 + 9 * 5_000 / 2)


@pytest.mark.parametrize(
    "arms",
    [
        [arm("treatment", [1, 2])],
        [arm("treatment", [1, 2]), arm("no_mail", [1])],
        [arm("no_mail", [1, 2])],
    ],
    ids=["no holdout", "a holdout of one", "nobody mailed"],
)
def test_without_two_in_each_group_nothing_is_said(arms: list[ArmOutcomes]) -> None:
    assert worth(arms, against="no_mail") is None


def test_enough_buyers_leave_no_doubt() -> None:
    arms = [arm("treatment", [100] * 100 + [0] * 20), arm("no_mail", [90] * 100 + [0] * 20)]
    found = worth(arms, against="no_mail")
    assert found is not None
    assert found.doubt == ""


@pytest.mark.parametrize(
    ("effects", "variances"),
    [
        ([10.0, 12.0, 3.0, 25.0], [4.0, 9.0, 1.0, 16.0]),
        ([-30.0, 40.0], [2.0, 3.0]),
    ],
    ids=["spread", "opposite"],
)
def test_pooling_agrees_with_statsmodels(effects: list[float], variances: list[float]) -> None:
    found = pooled(effects, variances)
    told = combine_effects(np.array(effects), np.array(variances), method_re="dl")
    assert found is not None
    assert found.estimate == pytest.approx(told.mean_effect_re, rel=1e-9)
    assert found.tau_squared == pytest.approx(max(0.0, told.tau2), rel=1e-9, abs=1e-12)
    half = 1.959963984540054 * told.sd_eff_w_re
    assert (found.low, found.high) == pytest.approx(
        (told.mean_effect_re - half, told.mean_effect_re + half), rel=1e-9
    )


def test_experiments_that_differ_by_less_than_chance_share_one_effect() -> None:
    found = pooled([1.0, 1.1, 0.9], [5.0, 5.0, 5.0])
    assert found is not None
    assert (found.tau_squared, found.estimate) == (0.0, pytest.approx(1.0))
    assert found.high - found.estimate == pytest.approx(1.959963984540054 * sqrt(5 / 3))


def test_one_experiment_is_its_own_mean_and_none_is_none() -> None:
    found = pooled([7.0, 99.0], [4.0, 0.0])
    assert found is not None
    assert (found.estimate, found.count, found.tau_squared) == (7.0, 1, 0.0)
    assert found.high == pytest.approx(7 + 1.959963984540054 * sqrt(4))
    assert pooled([], []) is None


def test_costs_are_those_of_the_campaign_where_it_has_its_own() -> None:
    settings = ReportSettings(thousand_mails_minor=80)
    own = CampaignCost(thousand_mails_minor=200, fixed_minor=5_000, order_discount_minor=300)
    assert costs_of(None, settings, sent=12_345, attributed_orders=9) == Costs(988, 0, 0)
    found = costs_of(own, settings, sent=12_345, attributed_orders=2.5)
    assert (found, found.total_minor) == (Costs(2_469, 5_000, 750), 8_219)


def test_the_return_is_profit_for_each_unit_of_cost() -> None:
    costs = Costs(100, 300, 100)
    assert return_on(2_000, costs, margin_percent=50) == 1.0
    assert return_on(0, costs, margin_percent=50) == -1.0
    assert return_on(2_000, Costs(0, 0, 0), margin_percent=50) is None
