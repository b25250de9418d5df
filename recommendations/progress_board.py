"""How far a training is, for a page: the version's row is the truth, the figures are in the cache."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.core.cache import cache

from recommendations import leases
from recommendations.versions import TrainedVersion

KEPT_SECONDS = 15 * 60
QUEUED = "queued"
QUEUED_LABEL = "Waiting for the worker that trains"


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """A stage of a training of `kind`, with what is done of it; `label` and `sentence` are for people."""

    kind: str
    stage: str
    done: int
    total: int
    label: str
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """What is told of the trainings of `model`, with stages in words; `free` ones need no training under way."""

    key: str
    model: type[TrainedVersion]
    labels: Mapping[str, str]
    sentences: Mapping[str, str] = field(default_factory=dict)
    free: frozenset[str] = frozenset({QUEUED})

    def note(self, kind: str, stage: str, done: int, total: int) -> None:
        """Remember how far it is; forgotten after a quarter of an hour without news. Any kind is ''."""
        cache.set(self.key, (kind, stage, done, total), timeout=KEPT_SECONDS)

    def forget(self) -> None:
        """Nothing is under way or asked for any more."""
        cache.delete(self.key)

    def current(self) -> Progress | None:
        """What is under way, or waits to be; None where nothing is, or its worker has died. One query."""
        told, version = cache.get(self.key), leases.running(self.model)
        kind = str(getattr(version, version.subject)) if version is not None else None
        if told is not None and (told[1] in self.free or (kind is not None and told[0] in ("", kind))):
            return self._progress(*told)
        return self._progress(kind, "", 0, 1) if kind is not None else None

    def _progress(self, kind: str, stage: str, done: int, total: int) -> Progress:
        return Progress(
            kind=kind,
            stage=stage,
            done=done,
            total=total,
            label=QUEUED_LABEL if stage == QUEUED else self.labels.get(stage, "Training"),
            sentence=self.sentences.get(stage, "This page shows the result when it is done."),
        )
