"""What customers will spend: against formulas in the limit, a simulated shop, and real data."""

import os
from pathlib import Path

import numpy as np
import pytest

from recommendations.predictions.files import EPOCH, read_purchases
from recommendations.predictions.methods import gamma_gamma, pareto_nbd
from recommendations.predictions.methods.histories import Histories, Ledger, Purchases, histories
from recommendations.predictions.methods.lifetime_value import (
    LifetimeValueModel,
    LifetimeValues,
    TooLittleHistoryError,
    fit,
    judge,
    top_capture,
)
from recommendations.predictions.methods.pareto_nbd import ParetoNBD

FILE = Path(__file__).resolve().parents[4] / "shared" / "data" / "cdnow_master.csv.gz"
TRUE = ParetoNBD(r=0.8, alpha=8.0, s=0.7, beta=12.0)


def past(repeats: float, last: float, age: float) -> Histories:
    """One customer."""
    one = [np.array([value]) for value in (repeats, last, age)]
    return Histories(np.array([1]), *one, mean_value=np.array([10.0]))


def shop(customers: int = 4000, *, days: int = 560) -> Purchases:
    """Customers who all come in the first 20 weeks and then buy and leave as the model says."""
    rng = np.random.default_rng(3)
    rate = rng.gamma(TRUE.r, 1 / TRUE.alpha, customers) / 7
    leaves = rng.exponential(1 / (rng.gamma(TRUE.s, 1 / TRUE.beta, customers) / 7))
    worth = rng.gamma(6, 1 / rng.gamma(4, 1 / 15, customers))
    begins = rng.integers(0, 140, customers)
    who, when = [np.arange(customers)], [begins]
    counts = rng.poisson(rate * np.minimum(leaves, days - begins))
    again = np.repeat(np.arange(customers), counts)
    who.append(again)
    when.append(begins[again] + rng.random(len(again)) * np.minimum(leaves, days - begins)[again])
    people = np.concatenate(who)
    amounts = rng.gamma(6, 1 / 6, len(people)) * worth[people]
    return Purchases.of(people, np.concatenate(when).astype(np.int64), amounts)


def predict(purchases: Purchases, *, as_of: int, weeks: float) -> LifetimeValues:
    return fit(purchases, as_of=as_of, weeks=weeks).predict(purchases, as_of=as_of, weeks=weeks)


@pytest.fixture(scope="module")
def bought() -> Purchases:
    return shop()


def test_purchases_of_one_day_are_one_and_those_that_come_to_nothing_are_none() -> None:
    found = Purchases.of(np.array([9, 7, 9, 7]), np.array([3, 3, 3, 4]), np.array([5.0, 2.0, 1.5, -1.0]))
    assert (found.customers.tolist(), found.days.tolist(), found.amounts.tolist()) == (
        [7, 9],
        [3, 3],
        [2.0, 6.5],
    )


def test_a_history_counts_repeats_and_weeks_before_the_day_only() -> None:
    found = Purchases.of(np.array([1, 1, 1, 2]), np.array([0, 14, 28, 30]), np.array([1.0, 2.0, 6.0, 5.0]))
    known = histories(found, as_of=28)
    assert (known.customers.tolist(), known.repeats.tolist()) == ([1], [1.0])
    assert (known.last.tolist(), known.age.tolist(), known.mean_value.tolist()) == ([2.0], [4.0], [1.5])


def test_who_never_leaves_is_alive_and_buys_at_the_gamma_posterior_rate() -> None:
    loyal = ParetoNBD(r=2.0, alpha=6.0, s=1e-7, beta=1e6)
    assert loyal.probability_alive(past(3, 4, 20))[0] == pytest.approx(1, abs=1e-6)
    assert loyal.expected_purchases(past(3, 4, 20), weeks=13)[0] == pytest.approx(5 / 26 * 13, rel=1e-5)


@pytest.mark.parametrize(("alpha", "beta"), [(8.0, 12.0), (12.0, 8.0)])
def test_the_chance_of_being_alive_is_that_of_bayes_rule_by_summation(alpha: float, beta: float) -> None:
    model, (x, last, age) = ParetoNBD(0.8, alpha, 0.7, beta), (2, 10.0, 30.0)
    times = np.linspace(last, age, 20_001)
    left = 0.7 * beta**0.7 * (beta + times) ** -1.7 * (alpha / (alpha + times)) ** 0.8 * (alpha + times) ** -x
    gone = np.trapezoid(left, times)
    here = (beta / (beta + age)) ** 0.7 * (alpha / (alpha + age)) ** 0.8 * (alpha + age) ** -x
    assert model.probability_alive(past(x, last, age))[0] == pytest.approx(here / (here + gone), rel=1e-6)


def test_the_likelihood_finds_the_parameters_of_a_simulated_shop(bought: Purchases) -> None:
    found = pareto_nbd.fit(histories(bought, as_of=560))
    assert found.r / found.alpha == pytest.approx(TRUE.r / TRUE.alpha, rel=0.1)
    assert found.s / found.beta == pytest.approx(TRUE.s / TRUE.beta, rel=0.3)


def test_one_purchase_says_less_about_its_customer_than_ten() -> None:
    rng = np.random.default_rng(5)
    worth, counts = rng.gamma(6, 1 / rng.gamma(4, 1 / 15, 5000)), rng.integers(1, 8, 5000).astype(float)
    model = gamma_gamma.fit(worth * rng.gamma(6 * counts, 1 / (6 * counts)), counts)
    once, often = model.expected_value(np.array([100.0, 100.0]), np.array([1.0, 10.0]))
    assert worth.mean() < once < often < 100


def test_what_is_expected_in_all_agrees_with_what_came(bought: Purchases) -> None:
    model = fit(bought, as_of=280, weeks=40)
    found = model.predict(bought, as_of=280, weeks=40)
    judged = judge(found, bought.between(280, 560).spent_by(found.customers))
    assert model.parameters()["trees"] == 200
    assert judged.predicted_mean == pytest.approx(judged.actual_mean, rel=0.15)
    assert judged.capture > 0.6


def test_what_is_stored_predicts_the_same(bought: Purchases) -> None:
    model = fit(bought, as_of=280, weeks=40)
    again = LifetimeValueModel.from_stored(*model.stored())
    one, other = (each.predict(bought, as_of=280, weeks=40).spend for each in (model, again))
    assert np.array_equal(one, other)


def test_what_comes_later_changes_no_prediction(bought: Purchases) -> None:
    later = bought.days >= 280
    other = Purchases(bought.customers, bought.days, np.where(later, bought.amounts * 100, bought.amounts))
    assert np.array_equal(
        predict(bought, as_of=280, weeks=20).spend, predict(other, as_of=280, weeks=20).spend
    )


def test_trees_see_nothing_that_was_given_back_after_their_cut_off(bought: Purchases) -> None:
    early = bought.days < 280
    ledger = Ledger(
        customers=np.concatenate([bought.customers, bought.customers[early]]),
        days=np.concatenate([bought.days, bought.days[early]]),
        booked=np.concatenate([bought.days, np.full(early.sum(), 300)]),
        amounts=np.concatenate([bought.amounts, -bought.amounts[early] * (bought.customers[early] % 2)]),
    )
    without = fit(bought, as_of=560, weeks=40)
    with_refunds = fit(ledger.purchases(), as_of=560, weeks=40)
    assert with_refunds.trees is not None
    assert with_refunds.trees.text == without.trees.text
    assert with_refunds.value != without.value


def test_what_is_given_back_counts_on_the_day_of_its_order_from_the_day_it_was_booked() -> None:
    one = np.ones(3, dtype=np.int64)
    ledger = Ledger(one, np.array([3, 5, 3]), np.array([3, 5, 9]), np.array([10.0, 4.0, -10.0]))
    found = ledger.purchases()
    assert (found.days.tolist(), found.amounts.tolist()) == ([5], [4.0])
    known = {day: found.as_known(day).amounts.tolist() for day in (3, 4, 9, 10)}
    assert known == {3: [], 4: [10.0], 9: [10.0, 4.0], 10: [4.0]}


def test_few_customers_are_not_enough() -> None:
    few = shop(40)
    with pytest.raises(TooLittleHistoryError, match="not enough data: 40 of 100 customers"):
        predict(few, as_of=560, weeks=10)


def test_customers_who_never_come_back_are_not_enough() -> None:
    once = Purchases.of(np.arange(150), np.arange(150), np.ones(150))
    with pytest.raises(TooLittleHistoryError, match="0 of 20 customers with a second purchase"):
        predict(once, as_of=200, weeks=10)


def test_the_capture_is_the_share_of_spend_by_the_fifth_predicted_highest() -> None:
    assert top_capture(np.array([5.0, 1, 2, 3, 4]), np.array([6.0, 1, 1, 1, 3])) == 0.5
    assert top_capture(np.arange(5.0), np.zeros(5)) == 0.0


@pytest.mark.shared_data
@pytest.mark.long
def test_cdnow_is_predicted_as_well_as_published() -> None:
    if not FILE.exists():
        absent = pytest.fail if os.environ.get("CI") else pytest.skip
        absent("../shared/data/cdnow_master.csv.gz is absent: lifetime value was not held against real data")
    purchases = read_purchases(FILE)
    as_of, until = (
        np.datetime64(day).astype(object).toordinal() - EPOCH for day in ("1997-10-01", "1998-07-01")
    )
    found = predict(purchases, as_of=as_of, weeks=39)
    judged = judge(found, purchases.between(as_of, until).spent_by(found.customers))
    assert judged.mae <= 32.9
    assert judged.capture >= 0.69
