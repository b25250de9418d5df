"""Revenue per recipient where a few large orders decide."""

import numpy as np
import pytest
from scipy import stats
from scipy.stats.mstats import winsorize

from experiments.stats.means import compare_means
from experiments.stats.revenue import Spend, bootstrap_difference, common_cap, minimum_buyers

generator = np.random.default_rng(8)
MANY = Spend(20_000, generator.lognormal(4, 1, 600))
FEW = Spend(20_000, generator.lognormal(4, 1, 500))


@pytest.mark.parametrize(
    ("sizes", "needed"),
    [((5_000, 5_000), 100), ((10_000, 5_000), 100), ((10_001, 5_000), 400), ((1, 9), 400)],
)
def test_unlike_arms_need_more_buyers(sizes: tuple[int, int], needed: int) -> None:
    assert minimum_buyers(n_treatment=sizes[0], n_control=sizes[1]) == needed
    assert minimum_buyers(n_treatment=sizes[1], n_control=sizes[0]) == needed


def test_winsorised_spend_is_scipys() -> None:
    amounts = np.arange(1.0, 101.0)
    found = Spend(500, amounts).winsorised(95.0).amounts
    assert found.tolist() == np.asarray(winsorize(amounts, limits=(0, 0.05))).tolist()


def test_one_cap_serves_all_arms() -> None:
    cap = common_cap(MANY, FEW, quantile=0.99)
    assert cap == np.quantile(np.concatenate([MANY.amounts, FEW.amounts]), 0.99)
    assert common_cap(Spend(10, np.empty(0))) == 0.0


def test_sums_count_those_who_bought_nothing() -> None:
    values = np.concatenate([FEW.amounts, np.zeros(FEW.n - len(FEW.amounts))])
    assert FEW.sums.mean == pytest.approx(values.mean(), rel=1e-12)
    assert FEW.sums.variance == pytest.approx(values.var(ddof=1), rel=1e-10)


def test_the_bootstrap_is_welchs_interval_where_there_are_many_buyers_alike() -> None:
    ours = bootstrap_difference(treatment=MANY, control=FEW, resamples=4_000)
    welch = compare_means(treatment=MANY.sums, control=FEW.sums).difference
    width = welch.high - welch.low
    assert ours.estimate == pytest.approx(welch.estimate)
    assert (ours.low, ours.high) == pytest.approx((welch.low, welch.high), abs=0.05 * width)


def test_the_bootstrap_resamples_customers_as_scipys_does() -> None:
    values = np.concatenate([MANY.amounts[:80], np.zeros(920)])
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=2_000, batch=500, method="basic", rng=np.random.default_rng(1)
    )
    none = Spend(10**6, np.array([1e-6, 2e-6]))
    ours = bootstrap_difference(treatment=Spend(1_000, MANY.amounts[:80]), control=none)
    assert ours.high - ours.estimate > ours.estimate - ours.low
    assert ours.high - ours.low == pytest.approx(
        theirs.confidence_interval.high - theirs.confidence_interval.low, rel=0.15
    )


def test_the_same_seed_gives_the_same_interval() -> None:
    first, second = (bootstrap_difference(treatment=MANY, control=FEW, resamples=200, seed=3) for _ in "ab")
    assert first == second


def test_too_few_buyers_or_resamples_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="control must have two buyers or more, not 1"):
        bootstrap_difference(treatment=MANY, control=Spend(10, np.array([3.0])))
    with pytest.raises(ValueError, match="resamples must be 100 or more"):
        bootstrap_difference(treatment=MANY, control=FEW, resamples=10)
    with pytest.raises(ValueError, match="n must be at least the 3 customers"):
        Spend(2, np.ones(3))
    with pytest.raises(ValueError, match="amounts must be finite"):
        Spend(2, np.array([np.nan]))
