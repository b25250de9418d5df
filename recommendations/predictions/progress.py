"""How far a training of predictions is."""

from recommendations.predictions.models import PredictionVersion
from recommendations.progress_board import QUEUED as QUEUED
from recommendations.progress_board import Board

BOARD = Board(
    key="predictions:training",
    model=PredictionVersion,
    labels={
        "read": "Reading what customers did",
        "compete": "Letting four kinds of models compete",
        "learn": "Learning from everything",
    },
)
note = BOARD.note
forget = BOARD.forget
current = BOARD.current
