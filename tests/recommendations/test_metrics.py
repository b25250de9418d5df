import numpy as np
import pytest

from recommendations.engines.base import NO_ITEM, Interactions, Ranking
from recommendations.evaluation.bootstrap import paired_difference
from recommendations.evaluation.metrics import ranking_metrics
from recommendations.evaluation.split import Targets, targets, temporal_split

DAY = 86_400


def judged(shown: list[int], taken: list[int]) -> dict[str, float]:
    ranking = Ranking(np.array([shown]), np.zeros((1, len(shown)), dtype=np.float32))
    wanted = Targets(np.array([1]), np.array([0, len(taken)]), np.array(taken))
    return ranking_metrics(ranking, wanted, k=len(shown), catalogue_size=10).means()


def test_a_perfect_list_scores_one_everywhere() -> None:
    means = judged([7, 8], [8, 7])
    shares = {f"{name}@2": 1 for name in ("recall", "ndcg", "map", "precision", "hit_rate")}
    assert means == {**shares, "coverage": 0.2, "users": 1}


def test_metrics_of_hits_on_ranks_two_and_three_match_the_hand_count() -> None:
    means = judged([9, 7, 8], [7, 8, 5, 6])
    assert means["recall@3"] == 0.5
    assert means["ndcg@3"] == pytest.approx((0.63093 + 0.5) / (1 + 0.63093 + 0.5), abs=1e-5)
    assert means["map@3"] == pytest.approx((1 / 2 + 2 / 3) / 3, abs=1e-6)


def test_empty_places_are_no_hits_and_cover_nothing() -> None:
    means = judged([NO_ITEM, NO_ITEM], [1])
    assert (means["hit_rate@2"], means["coverage"]) == (0, 0)


def history() -> Interactions:
    users, items = np.array([1, 1, 2, 1, 1, 2, 3]), np.array([10, 11, 10, 10, 12, 10, 10])
    times = np.array([0, 1, 2, 9, 9, 10, 10]) * DAY
    bought = np.ones(7, dtype=bool)
    return Interactions(users, items, np.ones(7, dtype=np.float32), times, 10 * DAY, bought)


def test_training_ends_where_the_test_begins() -> None:
    split = temporal_split(history(), test_days=2)
    assert (split.train.times.max(), split.test.times.min(), split.train.as_of) == (2 * DAY, 9 * DAY, 8 * DAY)


def test_targets_leave_out_users_without_a_past() -> None:
    wanted = targets(temporal_split(history(), test_days=2), only_new=False)
    assert (wanted.users.tolist(), wanted.starts.tolist(), wanted.items.tolist()) == (
        [1, 2],
        [0, 2, 3],
        [10, 12, 10],
    )


def test_discoveries_leave_out_what_the_user_had_before() -> None:
    wanted = targets(temporal_split(history(), test_days=2), only_new=True)
    assert (wanted.users.tolist(), wanted.items.tolist()) == ([1], [12])


def test_a_clear_gain_has_an_interval_above_zero() -> None:
    generator = np.random.default_rng(3)
    base = generator.uniform(size=400)
    gain = paired_difference(base + generator.normal(0.1, 0.1, 400), base)
    assert gain.verdict == "better"
    assert 0.08 < gain.low < gain.mean < gain.high < 0.12


def test_equal_systems_show_no_difference() -> None:
    values = np.linspace(0, 1, 50)
    assert paired_difference(values, values).verdict == "no difference shown"


def test_no_users_show_no_difference() -> None:
    assert paired_difference(np.array([]), np.array([])).mean == 0.0
