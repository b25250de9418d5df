"""What a model elsewhere says, value by value: kept, refused with its place, or of somebody unknown here."""

from __future__ import annotations

import math
from array import array
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from recommendations.predictions.methods.histories import Integers, Values

MOST_BAD = 0.1
MOST_NAMED = 5
LARGEST = 1e12
_TEXT = 40


class ExternalModelError(Exception):
    """The model cannot be used; the message says why. The next round tries again."""


class NothingNewError(Exception):
    """The model has nothing new to say."""


@dataclass(slots=True, kw_only=True)
class Answer:
    """What was taken so far. `unanswered` are customers who were asked about in vain."""

    lowest: float | None = None
    highest: float | None = None
    version: str = ""
    bad: int = 0
    unknown: int = 0
    unanswered: int = 0
    named: list[str] = field(default_factory=list)
    _customers: array[int] = field(default_factory=lambda: array("q"))
    _values: array[float] = field(default_factory=lambda: array("d"))
    _seen: set[int] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self._customers)

    @property
    def customers(self) -> Integers:
        """Whose scores were taken."""
        return np.array(self._customers, dtype=np.int64)

    @property
    def values(self) -> Values:
        """The scores."""
        return np.array(self._values, dtype=np.float64)

    def take(self, place: str, id: Any, value: Any, known: Mapping[str, int]) -> None:
        """Keep a score for one of `known` (public id → key), or note at `place` why not."""
        customer = known.get(id.lower()) if isinstance(id, str) else None
        if not isinstance(id, str):
            self.refuse(place, f"the id {_shown(id)} is no text")
        elif customer is None:
            self.unknown += 1
        elif customer in self._seen:
            self.refuse(place, f"{_shown(id)} comes a second time")
        elif fault := self._fault(value):
            self.refuse(place, fault)
        else:
            self._seen.add(customer)
            self._customers.append(customer)
            self._values.append(float(value))

    def refuse(self, place: str, why: str) -> None:
        """Count a bad row, and name the first few."""
        self.bad += 1
        if len(self.named) < MOST_NAMED:
            self.named.append(f"{place}: {why}")

    def require_version(self, version: Any) -> None:
        """Keep the version, a text or number; all parts of one answer must have the same."""
        named = str(version) if isinstance(version, str | int) and not isinstance(version, bool) else ""
        if not 1 <= len(named) <= 20 or not named.isprintable():
            raise ExternalModelError(f"version is {_shown(version)}; it must be a text of 1 to 20 characters")
        if self.version not in ("", named):
            raise ExternalModelError(f"the version changed from {self.version} to {named} between two calls")
        self.version = named

    def require_usable(self, *, before: int) -> None:
        """Raise `ExternalModelError` if nothing, or too little of it, can be used.

        That is where more than a tenth of the rows is bad, or it scores less than half of the customers of the time
        `before`.
        """
        scored = len(self)
        rows = scored + self.bad + self.unknown
        if self.bad > MOST_BAD * rows:
            raise ExternalModelError(f"{self.bad:,} of {rows:,} rows are bad: {'; '.join(self.named)}")
        if not scored:
            raise ExternalModelError(f"none of its {rows:,} rows is of a customer known here")
        if scored < before / 2:
            raise ExternalModelError(
                f"it scores {scored:,} customers, less than half of the {before:,} before; switch it off and on "
                "again if that is right"
            )

    @property
    def sentence(self) -> str:
        """How it went, for people."""
        parts = [f"{len(self):,} customers scored by version {self.version}"]
        if self.bad:
            parts.append(f"{self.bad:,} bad rows left out ({'; '.join(self.named)})")
        if self.unknown:
            parts.append(f"{self.unknown:,} rows passed over, of people unknown here or not to be profiled")
        if self.unanswered:
            parts.append(f"{self.unanswered:,} customers without an answer")
        return ", ".join(parts) + "."

    def _fault(self, value: Any) -> str:
        if isinstance(value, bool) or not isinstance(value, int | float):
            return f"the score {_shown(value)} is no number"
        if not math.isfinite(value) or abs(value) > LARGEST:
            return f"the score {_shown(value)} is not finite, or too large"
        if self.lowest is not None and value < self.lowest:
            return f"the score {value:g} is below {self.lowest:g}"
        if self.highest is not None and value > self.highest:
            return f"the score {value:g} is above {self.highest:g}"
        return ""


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}…"
