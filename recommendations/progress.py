"""How far a training is: for the page only. The row of the version is the truth; this is in the cache."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.core.cache import cache
from django.db.models.functions import Now

from recommendations.models import ModelVersion

_KEY = "recommendations:training"
_KEPT_SECONDS = 15 * 60
_QUEUED = "queued"
_LABELS = {
    _QUEUED: "Waiting for the worker that trains",
    "read": "Reading purchases",
    "learn": "Learning",
    "score": "Ranking for customers",
}
_SENTENCES = {
    _QUEUED: "It begins as soon as the worker is free.",
    "learn": "It learns on all but the last 28 days first, to be judged there, and then on everything.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A stage of a training, with what is done of it."""

    stage: str
    done: int
    total: int

    @property
    def label(self) -> str:
        """The stage in words."""
        return _LABELS.get(self.stage, "Training")

    @property
    def sentence(self) -> str:
        """What to know while it lasts."""
        return _SENTENCES.get(self.stage, "This page shows the result when it is done.")


def note_queued() -> None:
    """Remember that a training was asked for."""
    note(_QUEUED, 0, 1)


def note(stage: str, done: int, total: int) -> None:
    """Remember how far the running training is; forgotten after a quarter of an hour without news."""
    told = Progress(stage=stage, done=done, total=total)
    cache.set(_KEY, asdict(told), timeout=_KEPT_SECONDS)


def forget() -> None:
    """The training has ended."""
    cache.delete(_KEY)


def current() -> Progress | None:
    """What is under way, or waits to be; None where nothing is, or its worker has died. One query."""
    told = cache.get(_KEY)
    held = ModelVersion.objects.filter(status=ModelVersion.Status.TRAINING)
    is_running = held.exclude(lease_until__lt=Now()).exists()
    if told is not None and (is_running or told["stage"] == _QUEUED):
        return Progress(**told)
    return Progress(stage="", done=0, total=1) if is_running else None
