import numpy as np
import pytest

from recommendations.engines.base import DAY_SECONDS, Interactions
from recommendations.engines.history import History
from recommendations.evaluation.protocols import first_times, leave_last_out, temporal


def log(*rows: tuple[int, int, int]) -> Interactions:
    """Purchases as (user, item, day), looked at on day 100."""
    users, items, days = np.array(rows, dtype=np.int64).T
    ones = np.ones(len(rows), dtype=np.float32)
    return Interactions(users, items, ones, days * DAY_SECONDS, 100 * DAY_SECONDS, ones > 0)


WALKS = [(1, 10, 1), (1, 11, 2), (1, 12, 3), (1, 13, 99), (2, 10, 5), (2, 12, 98), (3, 11, 97)]


def test_the_last_item_is_asked_and_the_one_before_is_known_but_not_learned() -> None:
    trial = leave_last_out(log(*WALKS))
    assert trial.train.items.tolist() == [10, 11, 10, 12, 11]
    assert trial.seen.items.tolist() == [10, 11, 12, 10, 12, 11]
    assert (trial.wanted.users.tolist(), trial.wanted.items.tolist()) == ([1], [13])


def test_the_validation_asks_one_step_earlier_of_the_same_learning() -> None:
    test, validation = leave_last_out(log(*WALKS)), leave_last_out(log(*WALKS), part="validation")
    assert validation.train.items.tolist() == test.train.items.tolist() == validation.seen.items.tolist()
    assert validation.wanted.items.tolist() == [12]


def test_of_two_interactions_at_one_moment_the_later_line_is_the_last() -> None:
    trial = leave_last_out(log((1, 10, 1), (1, 11, 1), (1, 12, 1)))
    assert (trial.train.items.tolist(), trial.wanted.items.tolist()) == ([10], [12])


def test_a_holdout_asks_who_comes_up_before_for_what_is_new() -> None:
    everything = temporal(log(*WALKS, (1, 10, 98)), holdout_days=28, only_new=False)
    new = temporal(log(*WALKS, (1, 10, 98)), holdout_days=28, only_new=True)
    assert (everything.wanted.users.tolist(), everything.wanted.items.tolist()) == ([1, 2], [10, 13, 12])
    assert (new.wanted.users.tolist(), new.wanted.items.tolist()) == ([1, 2], [13, 12])


@pytest.mark.parametrize("only_new", [True, False], ids=["new", "all"])
def test_nothing_of_the_future_reaches_what_is_learned(only_new: bool) -> None:
    other = [(user, item if day < 72 else 99, day) for user, item, day in WALKS]
    now, then = (temporal(log(*rows), holdout_days=28, only_new=only_new).train for rows in (WALKS, other))
    for name in ("users", "items", "weights", "times", "as_of"):
        assert np.array_equal(getattr(now, name), getattr(then, name))


def test_the_validation_holdout_lies_before_the_test_holdout() -> None:
    trial = temporal(
        log((1, 10, 10), (1, 11, 60), (1, 12, 90)), holdout_days=28, only_new=True, part="validation"
    )
    assert (trial.train.items.tolist(), trial.wanted.items.tolist()) == ([10], [11])
    assert trial.train.as_of == 44 * DAY_SECONDS


def test_repeats_keep_their_first_time() -> None:
    assert first_times(log((1, 10, 5), (1, 10, 2), (2, 10, 9))).times.tolist() == [
        2 * DAY_SECONDS,
        9 * DAY_SECONDS,
    ]


def test_a_history_counts_moments_back_and_ages_from_the_moment_of_looking() -> None:
    history = History.of(log((2, 7, 90), (1, 5, 10), (1, 6, 40), (1, 7, 40)), np.array([5, 6, 7]))
    assert history.columns.tolist() == [0, 1, 2, 2]
    assert history.steps.tolist() == [1, 0, 0, 0]
    assert history.ages_days.tolist() == [90, 60, 60, 10]


def test_a_history_may_look_from_each_users_own_last_moment() -> None:
    history = History.of(log((1, 5, 10), (1, 6, 40), (2, 7, 90)), np.array([5, 6, 7]), from_last=True)
    assert history.ages_days.tolist() == [30, 0, 0]


def test_a_history_gives_rows_in_the_order_asked_and_empty_ones_to_strangers() -> None:
    history = History.of(log((1, 5, 10), (1, 6, 40), (2, 7, 90)), np.array([5, 6, 7])).take(
        np.array([2, 9, 1])
    )
    assert (history.starts.tolist(), history.columns.tolist()) == ([0, 1, 1, 3], [2, 0, 1])
