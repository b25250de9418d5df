import numpy as np
import pytest

from recommendations.engines.base import NO_ITEM, Exclusions, Interactions, positions
from recommendations.engines.ranking import top_k, top_k_inner_product


def test_the_best_come_first_and_missing_places_are_empty() -> None:
    scores = np.array([[0.1, 0.9, 0.5], [3.0, -np.inf, 1.0]], dtype=np.float32)
    best = top_k(scores, np.array([10, 20, 30]), 4)
    assert best.items.tolist() == [[20, 30, 10, NO_ITEM], [10, 30, NO_ITEM, NO_ITEM]]


def test_equal_scores_keep_the_order_of_the_ids() -> None:
    best = top_k(np.ones((1, 4), dtype=np.float32), np.array([4, 5, 6, 7]), 3)
    assert best.items.tolist() == [[4, 5, 6]]


@pytest.mark.parametrize("catalogue", [40, 1003])
def test_the_best_products_are_those_of_a_full_sort_without_what_is_excluded(catalogue: int) -> None:
    generator = np.random.default_rng(7)
    users, items = (generator.normal(size=(n, 8)).astype(np.float32) for n in (300, catalogue))
    ids = np.arange(100, 100 + catalogue)
    banned = [generator.choice(ids, size=n % 30, replace=False) for n in range(300)]
    found = top_k_inner_product(users, items, ids, 5, Exclusions.from_rows(banned))
    scores = users @ items.T
    for row, gone in enumerate(banned):
        scores[row, gone - 100] = -np.inf
    assert found.items.tolist() == ids[np.argsort(-scores, axis=1)[:, :5]].tolist()


def test_a_user_who_excludes_everything_gets_an_empty_row() -> None:
    vectors = np.ones((1, 2), dtype=np.float32)
    found = top_k_inner_product(vectors, vectors, np.array([5]), 2, Exclusions.from_rows([[5]]))
    assert found.items.tolist() == [[NO_ITEM, NO_ITEM]]


def test_a_chunk_of_exclusions_keeps_its_rows() -> None:
    chunk = Exclusions.from_rows([[1], [2, 3], [], [4]]).chunk(1, 4)
    assert (chunk.starts.tolist(), chunk.items.tolist()) == ([0, 2, 2, 3], [2, 3, 4])


def test_unknown_ids_have_no_position() -> None:
    assert positions(np.array([2, 4, 6]), np.array([4, 5, 7])).tolist() == [1, -1, -1]


def test_a_weight_halves_with_each_half_life() -> None:
    day = 86_400
    rows = Interactions(
        np.array([1, 1]),
        np.array([1, 2]),
        np.array([4, 4], dtype=np.float32),
        np.array([0, 5 * day]),
        10 * day,
        np.array([True, True]),
    )
    assert rows.decayed(5).tolist() == [1.0, 2.0]
