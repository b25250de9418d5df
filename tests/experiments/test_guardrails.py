"""Non-inferiority: what must not get worse."""

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize_scalar
from scipy.special import xlogy
from statsmodels.stats.weightstats import CompareMeans, DescrStatsW

from experiments.stats.guardrails import non_inferior_mean, non_inferior_rate
from experiments.stats.means import MeanSample
from experiments.stats.proportions import Proportion, compare_proportions


@pytest.mark.parametrize("table", [(60, 9_000, 50, 9_000), (7, 900, 1, 500), (0, 400, 3, 380)])
def test_p_is_the_score_test_with_the_likelihood_fitted_numerically(table: tuple[int, int, int, int]) -> None:
    x1, n1, x2, n2 = table
    margin = 0.004

    def loss(p2: float) -> float:
        p1 = p2 + margin
        return -float(xlogy(x1, p1) + xlogy(n1 - x1, 1 - p1) + xlogy(x2, p2) + xlogy(n2 - x2, 1 - p2))

    p2 = float(minimize_scalar(loss, bounds=(0, 1 - margin), method="bounded", options={"xatol": 1e-13}).x)
    p1 = p2 + margin
    z = (x1 / n1 - x2 / n2 - margin) / (p1 * (1 - p1) / n1 + p2 * (1 - p2) / n2) ** 0.5
    found = non_inferior_rate(treatment=Proportion(x1, n1), control=Proportion(x2, n2), margin=margin)
    assert found.p_value == pytest.approx(stats.norm.cdf(z), abs=1e-6)


def test_p_for_means_is_statsmodels_test_of_a_shift() -> None:
    generator = np.random.default_rng(4)
    first, second = generator.normal(10, 3, 80), generator.normal(10.2, 4, 60)
    _, p_value, _ = CompareMeans(DescrStatsW(first), DescrStatsW(second)).ttest_ind(
        alternative="larger", usevar="unequal", value=-1.0
    )
    one, two = (MeanSample(len(v), v.sum(), (v**2).sum()) for v in (first, second))
    assert non_inferior_mean(treatment=one, control=two, margin=1.0).p_value == pytest.approx(
        p_value, rel=1e-8
    )


@pytest.mark.parametrize(("unsubscribed", "state"), [(50, "holds"), (66, "open"), (140, "broken")])
def test_a_guardrail_holds_is_open_or_is_broken(unsubscribed: int, state: str) -> None:
    found = non_inferior_rate(
        treatment=Proportion(unsubscribed, 10_000), control=Proportion(50, 10_000), margin=0.003
    )
    assert found.state == state


@pytest.mark.parametrize("unsubscribed", range(20, 160, 5))
def test_it_holds_exactly_when_the_interval_lies_below_the_margin(unsubscribed: int) -> None:
    found = non_inferior_rate(
        treatment=Proportion(unsubscribed, 10_000), control=Proportion(50, 10_000), margin=0.003
    )
    assert (found.state == "holds") == (found.harm.high < 0.003)


def test_significantly_worse_may_still_be_within_the_margin() -> None:
    arms = {"treatment": Proportion(1_100, 100_000), "control": Proportion(900, 100_000)}
    assert compare_proportions(**arms).p_value < 0.001
    assert non_inferior_rate(**arms, margin=0.005).state == "holds"


def test_higher_may_be_better() -> None:
    arms = {"treatment": Proportion(300, 10_000), "control": Proportion(400, 10_000)}
    found = non_inferior_rate(**arms, margin=0.002, higher_is_worse=False)
    assert (round(found.harm.estimate, 6), found.state) == (0.01, "broken")


def test_means_without_variance_are_taken_as_they_are() -> None:
    ten, eight = MeanSample(5, 50, 500), MeanSample(5, 40, 320)
    assert non_inferior_mean(treatment=eight, control=ten, margin=1.0).state == "broken"
    assert non_inferior_mean(treatment=eight, control=ten, margin=3.0).state == "holds"


@pytest.mark.parametrize(
    ("margin", "alpha", "named"), [(0, 0.05, "margin"), (-1, 0.05, "margin"), (0.1, 0.6, "alpha")]
)
def test_bad_input_is_refused_by_name(margin: float, alpha: float, named: str) -> None:
    with pytest.raises(ValueError, match=f"^{named} must"):
        non_inferior_rate(treatment=Proportion(1, 10), control=Proportion(1, 10), margin=margin, alpha=alpha)
