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
from recommendations.engines.group_popularity import PopularityByGroup, PopularityInCategories
from recommendations.engines.item_knn import ItemKnn
from recommendations.engines.lightfm_hybrid import LightFMHybrid
from recommendations.engines.popularity import Popularity
from recommendations.engines.similarity import TooManyItemsError
from recommendations.engines.single import Ease, OwnHistory, RulePairs, SequentialKnn
from recommendations.engines.two_stage import TwoStage, split_last
from recommendations.evaluation.compare import differences, judge, strongest_popularity
from recommendations.evaluation.split import temporal_split

DAY = 86_400
SMALL = LightFMHybrid(components=8, epochs=15)
TREES = TwoStage(window_days=3, windows=2, rounds=30)
ENGINES: Sequence[Engine] = (
    Popularity(),
    ItemKnn(),
    SMALL,
    Blend((SMALL, ItemKnn())),
    SequentialKnn(),
    Ease(),
    TREES,
    PopularityByGroup(),
    PopularityInCategories(),
)


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
    interactions, features = two_tastes()
    split = temporal_split(interactions, test_days=4)
    popular = strongest_popularity(split, k=5)
    verdicts = [
        differences(judge(engine.fit(split.train, features), split, k=5), popular)["all"]["ndcg"].verdict
        for engine in (SMALL, ItemKnn(), TREES)
    ]
    assert verdicts == ["better", "better", "better"]


def purchases(*rows: tuple[int, int, int]) -> Interactions:
    """Purchases as (user, item, day), looked at on day 100."""
    users, items, days = np.array(rows, dtype=np.int64).T
    ones = np.ones(len(rows), dtype=np.float32)
    return Interactions(users, items, ones, days * DAY, 100 * DAY, ones > 0)


def test_what_followed_the_last_item_comes_first() -> None:
    walks = [(user, item, 10 * place) for user in range(9) for place, item in enumerate((1, 2, 3))]
    model = SequentialKnn().fit(purchases(*walks), Features())
    asked = model.seen(purchases((50, 2, 4)))
    assert asked.recommend(np.array([50]), 2, Exclusions.from_rows([[2]])).items.tolist() == [[3, 1]]


def test_a_new_item_comes_in_by_its_features() -> None:
    features = Features(items=FeatureTable.from_names({1: ["tent"], 2: ["rope"], 7: ["tent"], 8: ["rope"]}))
    model = SequentialKnn().fit(purchases((1, 1, 4), (2, 2, 4)), features)
    excluded = Exclusions.from_rows([[1], [2]])
    assert model.recommend(np.array([1, 2]), 1, excluded).items.tolist() == [[7], [8]]


def test_what_was_bought_often_and_lately_is_bought_again() -> None:
    rows = purchases((1, 5, 10), (1, 6, 90), (1, 7, 20), (1, 7, 50), (1, 7, 80))
    assert OwnHistory().fit(rows, Features()).recommend(np.array([1]), 4).items.tolist() == [
        [7, 6, 5, NO_ITEM]
    ]


def test_a_rule_of_pairs_needs_support_and_lift() -> None:
    pairs = [(user, item, 1) for user in range(4) for item in (1, 2)]
    everybodys = [(user, 9, 2) for user in range(20)]
    model = RulePairs().fit(purchases(*pairs, (30, 1, 1), (30, 3, 1), *everybodys), Features())
    asked = model.seen(purchases((99, 1, 3)))
    assert asked.recommend(np.array([99]), 2).items.tolist() == [[2, NO_ITEM]]


def test_the_trees_are_stored_as_text_with_no_customer_among_the_arrays() -> None:
    model = TREES.fit(*two_tastes())
    arrays = model.arrays()
    assert arrays["trees"].tobytes().decode().startswith("tree\nversion=v4")
    assert not any("user" in name for name in arrays)


def test_too_little_to_learn_a_ranking_from_leaves_the_vote_of_the_signals() -> None:
    model = TwoStage().fit(purchases((1, 1, 1), (1, 2, 2), (2, 1, 1)), Features())
    assert model.trees == ""
    assert set(model.recommend(np.array([2]), 2).items[0]) == {1, 2}


def test_users_who_took_nothing_that_was_proposed_teach_no_ranking() -> None:
    before = [(user, user, 10) for user in range(40)]
    after = [(user, 100 + user, 90) for user in range(40)]
    assert TwoStage(windows=1).fit(purchases(*before, *after), Features()).trees == ""


def test_the_linear_model_refuses_a_catalogue_that_it_cannot_hold() -> None:
    rows = purchases(*((1, item, 1) for item in range(20_001)))
    with pytest.raises(TooManyItemsError, match="up to 20,000 items; there are 20,001"):
        Ease().fit(rows, Features())


def test_the_last_interaction_of_each_user_is_split_off() -> None:
    rest, last = split_last(purchases((1, 1, 1), (1, 2, 5), (1, 3, 2), (2, 9, 1)))
    assert (rest.items.tolist(), last.items.tolist()) == ([1, 3, 9], [2])


def test_interactions_of_unequal_length_are_refused() -> None:
    with pytest.raises(ValueError, match="differ in length"):
        ones = np.ones(2, dtype=np.float32)
        Interactions(np.arange(2), np.arange(1), ones, np.arange(2), 0, ones > 0)
