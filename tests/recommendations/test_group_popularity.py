"""Popularity among one's like: by what was said at sign-up, and in the categories of what was done."""

import numpy as np

from recommendations.engines.base import Exclusions, Features, FeatureTable, Interactions
from recommendations.engines.group_popularity import PopularityByGroup, PopularityInCategories

DAY = 86_400


def purchases(*rows: tuple[int, int, int]) -> Interactions:
    """Purchases as (user, item, day), looked at on day 100."""
    users, items, days = np.array(rows, dtype=np.int64).reshape(-1, 3).T
    ones = np.ones(len(rows), dtype=np.float32)
    return Interactions(users, items, ones, days * DAY, 100 * DAY, ones > 0)


SOLD = purchases((1, 10, 90), (2, 10, 91), (2, 11, 92), (3, 12, 90), (4, 12, 91), (5, 12, 92), (4, 13, 93))
COUNTRIES = FeatureTable.from_names(
    {who: [f"country:{'GB' if who < 3 else 'FR'}"] for who in (1, 2, 3, 4, 5)}
)
KINDS = FeatureTable.from_names(
    {
        10: ["category:tents"],
        11: ["category:tents"],
        12: ["category:ropes"],
        14: ["category:tents", "brand:x"],
    }
)


def test_a_new_customer_is_ranked_for_by_what_they_said_at_sign_up() -> None:
    newcomers = FeatureTable.from_names(
        {1: ["country:GB"], 2: ["country:GB"], 4: ["country:FR"], 8: ["country:GB"]}
    )
    model = PopularityByGroup().fit(SOLD, Features(users=newcomers))
    assert model.recommend(np.array([8]), 2).items.tolist() == [[10, 11]]


def test_of_whom_nothing_is_known_gets_what_most_people_have() -> None:
    model = PopularityByGroup().fit(SOLD, Features(users=COUNTRIES))
    assert model.recommend(np.array([99]), 2).items.tolist() == [[12, 10]]


def test_what_sells_in_the_categories_of_the_latest_items_comes_first_then_what_is_new_in_them() -> None:
    model = PopularityInCategories().fit(SOLD, Features(items=KINDS))
    asked = model.seen(purchases((50, 11, 99)))
    assert asked.recommend(np.array([50]), 3, Exclusions.from_rows([[11]])).items.tolist() == [[10, 14, 12]]


def test_without_categories_it_falls_back_to_what_most_people_have() -> None:
    model = PopularityInCategories().fit(SOLD, Features())
    assert model.recommend(np.array([1]), 1).items.tolist() == [[12]]
