"""How far a training of predictions is, for the page only: the version's row is the truth, this is in the cache."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from django.core.cache import cache

from recommendations.predictions import registry

_KEY = "predictions:training"
_KEPT_SECONDS = 15 * 60
QUEUED = "queued"
_LABELS = {
    QUEUED: "Waiting for the worker that trains",
    "read": "Reading what customers did",
    "compete": "Letting four kinds of models compete",
    "learn": "Learning from everything",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A stage of a training of `kind`, with what is done of it."""

    kind: str
    stage: str
    done: int
    total: int

    @property
    def label(self) -> str:
        """The stage in words."""
        return _LABELS.get(self.stage, "Training")


def note(kind: str, stage: str, done: int, total: int) -> None:
    """Remember how far it is; forgotten after a quarter of an hour without news."""
    told = Progress(kind=kind, stage=stage, done=done, total=total)
    cache.set(_KEY, asdict(told), timeout=_KEPT_SECONDS)


def forget() -> None:
    """Nothing is under way or asked for any more."""
    cache.delete(_KEY)


def current() -> Progress | None:
    """What is under way, or waits to be; None where nothing is, or its worker has died. One query."""
    told, version = cache.get(_KEY), registry.running()
    if told is not None and (
        told["stage"] == QUEUED or (version is not None and told["kind"] == version.kind)
    ):
        return Progress(**told)
    return Progress(kind=version.kind, stage="", done=0, total=1) if version is not None else None
