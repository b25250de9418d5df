"""How far a training of the recommender is, or going back to an earlier version."""

from __future__ import annotations

from recommendations.models import ModelVersion
from recommendations.progress_board import QUEUED, Board

_BACK = "back"
BOARD = Board(
    key="recommendations:training",
    model=ModelVersion,
    labels={
        "read": "Reading purchases",
        "learn": "Learning",
        "score": "Ranking for customers",
        _BACK: "Going back to the version before",
    },
    sentences={
        QUEUED: "It begins as soon as the worker is free.",
        "learn": "It learns on all but the last 28 days first, to be judged there, and then on everything.",
        _BACK: "It learns again what it knew, then everybody's products are ranked by it.",
    },
    free=frozenset({QUEUED, _BACK}),
)
forget = BOARD.forget
current = BOARD.current


def note_queued() -> None:
    """Remember that a training was asked for."""
    note(QUEUED, 0, 1)


def note_going_back() -> None:
    """Remember that the version before was asked for."""
    note(_BACK, 0, 1)


def note(stage: str, done: int, total: int) -> None:
    """Remember how far the running training is."""
    BOARD.note("", stage, done, total)
