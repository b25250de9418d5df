from collections.abc import Sequence

import numpy as np
import pytest

from recommendations.engines.base import (
    NO_ITEM,
    Engine,
    Exclusions,
    Features,
    FeatureTable,
    Interactions,
)
from recommendations.engines.blend import Blend
from recommendations.engines.item_knn import ItemKnn
from recommendations.engines.lightfm_hybrid import LightFMHybrid
from recommendations.engines.popularity import Popularity
from recommendations.evaluation.compare import compare

DAY = 86_400
SMALL = LightFMHybrid(components=8, epochs=15)
ENGINES: Sequence[Engine] = (Popularity(), ItemKnn(), SMALL, Blend((SMALL, ItemKnn())))


def two_tastes(users: int = 200, per_user: int = 8) -> tuple[Interactions, Features]:
    """Even users buy items 0–19, odd ones 20–39; the country tells which; 20 days."""
    generator = np.random.default_rng(5)
    rows = [
        (user, 20 * (user % 2) + int(generator.integers(20)), day)
        for user in range(users)
        for day in generator.choice(20, per_user, replace=False)
    ]
    who, what, days = np.array(rows, dtype=np.int64).T
    weights = np.ones(len(rows), dtype=np.float32)
    features = Features(
        FeatureTable.from_names({u: [f"country:{'ab'[u % 2]}"] for u in range(users + 2)}),
        FeatureTable.from_names({i: [f"category:{i // 20}"] for i in range(40)}),
    )
    bought = np.ones(len(rows), dtype=bool)
    return Interactions(who, what, weights, days * DAY, 20 * DAY, bought), features


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_every_engine_serves_known_and_unknown_users_without_excluded_items(engine: Engine) -> None:
    model = engine.fit(*two_tastes())
    users = np.array([0, 1, 999_999])
    ranking = model.recommend(users, 5, Exclusions.from_rows([[0, 1, 2], [21], list(range(39))]))
    assert ranking.items.shape == (3, 5)
    assert not set(ranking.items[0]) & {0, 1, 2}
    assert ranking.items[2].tolist() == [39, NO_ITEM, NO_ITEM, NO_ITEM, NO_ITEM]


@pytest.mark.parametrize("engine", ENGINES[1:], ids=lambda engine: engine.name)
def test_personal_engines_find_the_taste(engine: Engine) -> None:
    ranking = engine.fit(*two_tastes()).recommend(np.array([0, 1]), 10)
    assert set(ranking.items[0] // 20) == {0}
    assert set(ranking.items[1] // 20) == {1}


@pytest.mark.parametrize("engine", ENGINES, ids=lambda engine: engine.name)
def test_the_same_input_gives_the_same_ranking(engine: Engine) -> None:
    users = np.arange(30)
    first, second = (engine.fit(*two_tastes()).recommend(users, 5) for _ in range(2))
    assert first.items.tolist() == second.items.tolist()
    assert first.scores.tolist() == second.scores.tolist()


def test_popularity_prefers_what_is_bought_now() -> None:
    times = np.array([0, 0, 0, 99]) * DAY
    weights, bought = np.ones(4, dtype=np.float32), np.ones(4, dtype=bool)
    rows = Interactions(np.arange(4), np.array([1, 1, 1, 2]), weights, times, 100 * DAY, bought)
    assert Popularity(7).fit(rows, Features()).recommend(np.array([8]), 2).items.tolist() == [[2, 1]]


def test_a_stored_lightfm_model_holds_no_customer() -> None:
    interactions, features = two_tastes()
    arrays = SMALL.fit(interactions, features).arrays()
    assert sorted(arrays) == [
        "item_biases",
        "item_ids",
        "item_vectors",
        "user_feature_names",
        "user_feature_vectors",
    ]


def test_the_holdout_shows_that_tastes_beat_popularity() -> None:
    comparison = compare(*two_tastes(), [SMALL, ItemKnn()], test_days=4, k=5)
    verdicts = {j.name: j.against_baseline["all"]["ndcg"].verdict for j in comparison.engines}
    assert verdicts == {"lightfm": "better", "item_knn": "better"}


def test_interactions_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        ones = np.ones(2, dtype=np.float32)
        Interactions(np.arange(2), np.arange(1), ones, np.arange(2), 0, ones > 0)
