"""The generator knows the true effect: how often does the interval that is reported hold it?"""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import pytest

from demo.reactions import Expectations, expectations, react, true_effect
from demo.world import World, appeal, build_world
from experiments.analysis import analyse
from experiments.outcomes import ArmOutcomes, Metric
from experiments.stats.assignment import Share, variants_of
from tests.experiments.arms import BASELINE, PLAN, TREATMENT

SIZE = 5_000
EVERYBODY = np.arange(SIZE)
IDS = [UUID(bytes=np.random.default_rng(seed).bytes(16)) for seed in range(SIZE)]
SHARES = [Share("A", 5_000), Share("B", 5_000)]
METRICS: list[Metric] = ["human_click", "conversion", "revenue"]


@pytest.fixture(scope="module")
def shop() -> World:
    return build_world(size=SIZE, now=datetime(2026, 6, 1, tzinfo=UTC))


@pytest.fixture(scope="module")
def contents(shop: World) -> tuple[np.ndarray, np.ndarray]:
    """Four products for each customer: the same for all, and four among those that each likes."""
    liked = np.argsort(appeal(shop, EVERYBODY[:, None], np.arange(400)[None, :]), axis=1)
    return np.tile([3, 50, 120, 300], (SIZE, 1)), liked[:, 240:244]


def mixed(treated: np.ndarray, one: Expectations, two: Expectations) -> Expectations:
    """What to expect where those `treated` (m,) get the second content."""

    def chosen(name: str) -> np.ndarray:
        first, second = getattr(one, name), getattr(two, name)
        return np.where(treated.reshape(-1, *[1] * (first.ndim - 1)), second, first)

    return Expectations(*(chosen(name) for name in Expectations.__dataclass_fields__))


def outcomes(
    arm: ArmOutcomes, here: np.ndarray, clicked: np.ndarray, ordered: np.ndarray, spent: np.ndarray
) -> ArmOutcomes:
    return replace(
        arm,
        weight=5_000,
        assigned=int(here.sum()),
        delivered=int(here.sum()),
        human_opens=int(clicked[here].sum()),
        human_clicks=int(clicked[here].sum()),
        converters=int(ordered[here].sum()),
        revenue_minor=int(spent[here].sum()),
        revenue_minor_squares=int((spent[here] ** 2).sum()),
        unsubscribes=0,
    )


def held(shop: World, contents: tuple[np.ndarray, np.ndarray], *, runs: int) -> dict[Metric, int]:
    """In how many runs the interval of each metric's difference holds the true effect."""
    control, treatment = contents
    truth = true_effect(shop, customers=EVERYBODY, control=control, treatment=treatment)
    effects = dict(zip(METRICS, (truth.click_rate, truth.conversion_rate, truth.revenue_minor), strict=True))
    one, two = (expectations(shop, customers=EVERYBODY, shown=shown) for shown in contents)
    found = dict.fromkeys(METRICS, 0)
    for run in range(runs):
        treated = variants_of(salt=f"run {run}", public_ids=IDS, shares=SHARES) == "B"
        expected = mixed(treated, one, two)
        did = react(shop, expected, seed=run)
        organic = np.random.default_rng([run, 1]).random(SIZE) < expected.organic
        shown = np.where(treated[:, None], treatment, control)
        spent = (did.bought * shop.catalogue.price_minor[shown]).sum(axis=1)
        seen = (did.clicked.any(axis=1), did.bought.any(axis=1) | organic, spent)
        report = analyse(
            plan=PLAN, arms=[outcomes(BASELINE, ~treated, *seen), outcomes(TREATMENT, treated, *seen)]
        )
        for comparison in report.comparisons:
            base, lifted = effects[comparison.metric]
            found[comparison.metric] += not comparison.difference.excludes(lifted - base)
    return found


def test_the_interval_mostly_holds_the_true_effect(
    shop: World, contents: tuple[np.ndarray, np.ndarray]
) -> None:
    found = held(shop, contents, runs=40)
    assert all(33 <= count <= 40 for count in found.values()), found


@pytest.mark.long
def test_it_holds_it_in_95_of_100_runs(shop: World, contents: tuple[np.ndarray, np.ndarray]) -> None:
    found = held(shop, contents, runs=1_000)
    assert all(935 <= count <= 965 for count in found.values()), found
