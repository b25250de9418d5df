"""When looks are due beside a remainder that waits for the winner."""

from datetime import UTC, datetime, timedelta

from experiments.looks import moments
from experiments.models import Experiment

BEGINS = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)


def due(**plan: object) -> list[float]:
    """The days of the looks at a burst with a window of seven days."""
    fields = {"method": "pocock", "looks": 4, "conversion_window_days": 7, "remainder_percent": 40}
    found = moments(Experiment(**fields | plan), begins=BEGINS, ends=BEGINS + 7 * DAY)
    return [(at - BEGINS) / DAY for at in found]


def test_no_planned_look_comes_before_the_minimum_wait_is_over() -> None:
    assert due(minimum_wait_hours=96) == [4, 5, 6, 7]


def test_a_wait_that_is_over_before_the_first_look_moves_none() -> None:
    assert due(minimum_wait_hours=24) == [1.75, 3.5, 5.25, 7]


def test_a_wait_beyond_the_window_leaves_the_last_look() -> None:
    assert due(minimum_wait_hours=240) == [7]


def test_daily_looks_begin_after_the_wait() -> None:
    assert due(method="anytime", minimum_wait_hours=96) == [4, 5, 6, 7]


def test_a_wait_says_nothing_where_nobody_waits() -> None:
    assert due(remainder_percent=0, minimum_wait_hours=96) == [1.75, 3.5, 5.25, 7]
