"""Mailings that held some of their customers back by chance: the only ones that show what a mail does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.utils.module_loading import import_string

from recommendations.predictions.methods.histories import Integers

MOST_ROWS = 300_000


@dataclass(frozen=True, slots=True, kw_only=True)
class MailTrial:
    """One mailing: its `customers` (sorted), and a mask of those whom chance gave a mail; the others got none."""

    name: str
    launched_at: datetime
    customers: Integers
    is_mailed: npt.NDArray[np.bool_]

    @property
    def mailed(self) -> int:
        """How many were to get the mail."""
        return int(self.is_mailed.sum())

    @property
    def held_back(self) -> int:
        """How many were not."""
        return len(self.customers) - self.mailed

    def only(self, rows: Integers) -> MailTrial:
        """The trial with only these rows, which are in order."""
        return replace(self, customers=self.customers[rows], is_mailed=self.is_mailed[rows])


def mail_trials(*, since: datetime, until: datetime) -> list[MailTrial]:
    """Ask those whom `settings.MAIL_TRIALS` names for mailings launched in [since, until), the oldest first."""
    sources: list[Callable[..., Sequence[MailTrial]]] = [import_string(name) for name in settings.MAIL_TRIALS]
    found = [one for source in sources for one in source(since=since, until=until)]
    return sorted(
        (one for one in found if one.mailed and one.held_back), key=lambda one: (one.launched_at, one.name)
    )


def evened(trials: Sequence[MailTrial], *, most_rows: int = MOST_ROWS) -> list[MailTrial]:
    """Draw customers so that every trial has the same share of mailed ones, and all together `most_rows` at most.

    Otherwise a trial in which nearly everybody was mailed, at a time when everybody buys, would look like an effect.
    The share is that of the trial which leaves the most to compare: n_mailed × n_held ÷ (n_mailed + n_held).
    """
    mailed = np.array([one.mailed for one in trials], dtype=np.float64)
    held = np.array([one.held_back for one in trials], dtype=np.float64)
    best = max(mailed / held, key=lambda ratio: _worth(mailed, held, ratio))
    keep_mailed, keep_held = np.minimum(mailed, held * best), np.minimum(held, mailed / best)
    half = most_rows / 2
    keep_mailed *= min(1.0, max(most_rows - keep_held.sum(), half) / keep_mailed.sum())
    keep_held *= min(1.0, max(most_rows - keep_mailed.sum(), half) / keep_held.sum())
    generator = np.random.default_rng(1)
    return [
        one.only(_draw(one, round(many), round(few), generator))
        for one, many, few in zip(trials, keep_mailed, keep_held, strict=True)
    ]


def _worth(mailed: npt.NDArray[np.float64], held: npt.NDArray[np.float64], ratio: float) -> float:
    kept = float(np.minimum(mailed, held * ratio).sum())
    left = float(np.minimum(held, mailed / ratio).sum())
    return kept * left / (kept + left)


def _draw(trial: MailTrial, mailed: int, held: int, generator: np.random.Generator) -> Integers:
    arms = ((np.flatnonzero(trial.is_mailed), mailed), (np.flatnonzero(~trial.is_mailed), held))
    return np.sort(np.concatenate([generator.choice(rows, size, replace=False) for rows, size in arms]))
