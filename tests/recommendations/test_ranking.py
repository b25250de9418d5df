import numpy as np

from recommendations.engines.base import NO_ITEM, Exclusions, Interactions, positions
from recommendations.engines.ranking import mask_excluded, top_k, top_k_inner_product


def test_the_best_come_first_and_missing_places_are_empty() -> None:
    scores = np.array([[0.1, 0.9, 0.5], [3.0, -np.inf, 1.0]], dtype=np.float32)
    best = top_k(scores, np.array([10, 20, 30]), 4)
    assert best.items.tolist() == [[20, 30, 10, NO_ITEM], [10, 30, NO_ITEM, NO_ITEM]]


def test_equal_scores_keep_the_order_of_the_ids() -> None:
    best = top_k(np.ones((1, 4), dtype=np.float32), np.array([4, 5, 6, 7]), 3)
    assert best.items.tolist() == [[4, 5, 6]]


def test_faiss_agrees_with_plain_arithmetic_under_exclusions() -> None:
    generator = np.random.default_rng(7)
    users, items = (generator.normal(size=(n, 8)).astype(np.float32) for n in (60, 40))
    ids = np.arange(100, 140)
    banned = [generator.choice(ids, size=n % 9, replace=False) for n in range(60)]
    exclude = Exclusions.from_rows(banned)
    scores = users @ items.T
    mask_excluded(scores, ids, exclude)
    found = top_k_inner_product(users, items, ids, 5, exclude)
    assert found.items.tolist() == top_k(scores, ids, 5).items.tolist()


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
