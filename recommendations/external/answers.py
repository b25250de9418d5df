"""What a model elsewhere says, row by row: kept, refused with its place, or of somebody unknown here."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import IO, Any, ClassVar

import numpy as np

from recommendations.predictions.methods.histories import Integers, Values

MOST_BAD = 0.1
MOST_NAMED = 5
LARGEST = 1e12
MOST_PRODUCTS = 50
_TEXT = 40


class ExternalModelError(Exception):
    """The model cannot be used; the message says why. The next round tries again."""


class NothingNewError(Exception):
    """The model has nothing new to say."""


@dataclass(slots=True, kw_only=True)
class Answer(ABC):
    """What was taken so far. `unanswered` are customers who were asked about in vain.

    `rows` is what an answer's list of rows is called, `column` what each row says beside whose it is.
    """

    rows: ClassVar[str]
    column: ClassVar[str]
    given: ClassVar[str]
    done: ClassVar[str]

    version: str = ""
    bad: int = 0
    unknown: int = 0
    unanswered: int = 0
    named: list[str] = field(default_factory=list)
    _seen: set[int] = field(default_factory=set)

    def __len__(self) -> int:
        return len(self._seen)

    def take(self, place: str, id: Any, value: Any, known: Mapping[str, int]) -> None:
        """Keep what is said of one of `known` (public id → key), or note at `place` why not."""
        customer = known.get(id.lower()) if isinstance(id, str) else None
        if not isinstance(id, str):
            self.refuse(place, f"the id {_shown(id)} is no text")
        elif customer is None:
            self.unknown += 1
        elif customer in self._seen:
            self.refuse(place, f"{_shown(id)} comes a second time")
        elif fault := self._keep(customer, value):
            self.refuse(place, fault)
        else:
            self._seen.add(customer)

    @abstractmethod
    def _keep(self, customer: int, value: Any) -> str:
        """Keep what is said of a customer, or say what is wrong with it."""

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

        That is where more than a tenth of the rows is bad, or it answers for less than half of the customers of the
        time `before`.
        """
        found = len(self)
        rows = found + self.bad + self.unknown
        if self.bad > MOST_BAD * rows:
            raise ExternalModelError(f"{self.bad:,} of {rows:,} rows are bad: {'; '.join(self.named)}")
        if not found:
            raise ExternalModelError(f"none of its {rows:,} rows is of a customer known here")
        if found < before / 2:
            raise ExternalModelError(
                f"it {self.given} {found:,} customers, less than half of the {before:,} before; switch it off and on "
                "again if that is right"
            )

    @property
    def sentence(self) -> str:
        """How it went, for people."""
        parts = [f"{len(self):,} customers {self.done} by version {self.version}"]
        if self.bad:
            parts.append(f"{self.bad:,} bad rows left out ({'; '.join(self.named)})")
        if self.unknown:
            parts.append(f"{self.unknown:,} rows passed over, of people unknown here or not to be profiled")
        if self.unanswered:
            parts.append(f"{self.unanswered:,} customers without an answer")
        return ", ".join(parts) + "."


@dataclass(slots=True, kw_only=True)
class Scores(Answer):
    """A finite number for each customer, not below `lowest` and not above `highest`."""

    rows: ClassVar[str] = "scores"
    column: ClassVar[str] = "score"
    given: ClassVar[str] = "scores"
    done: ClassVar[str] = "scored"

    lowest: float | None = None
    highest: float | None = None
    _customers: array[int] = field(default_factory=lambda: array("q"))
    _values: array[float] = field(default_factory=lambda: array("d"))

    @property
    def customers(self) -> Integers:
        """Whose scores were taken."""
        return np.array(self._customers, dtype=np.int64)

    @property
    def values(self) -> Values:
        """The scores."""
        return np.array(self._values, dtype=np.float64)

    def _keep(self, customer: int, value: Any) -> str:
        if fault := self._fault(value):
            return fault
        self._customers.append(customer)
        self._values.append(float(value))
        return ""

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


@dataclass(slots=True, kw_only=True)
class Rankings(Answer):
    """At most fifty products for each customer, best first, by the shop's own ids (`catalogue`: id → key).

    What is kept goes into a temporary `file`: a million rankings need not fit into memory.
    """

    rows: ClassVar[str] = "recommendations"
    column: ClassVar[str] = "products"
    given: ClassVar[str] = "has products for"
    done: ClassVar[str] = "given products"

    catalogue: Mapping[str, int]
    passed_over: int = 0
    file: IO[str]

    @property
    def sentence(self) -> str:
        """How it went, for people."""
        said = super(Rankings, self).sentence
        if self.passed_over:
            said = f"{said[:-1]}, {self.passed_over:,} products passed over that are not in the catalogue."
        return said

    def kept(self) -> Iterator[tuple[int, list[int]]]:
        """Each customer with the keys of their products, best first."""
        self.file.seek(0)
        for line in self.file:
            customer, *products = map(int, line.split())
            yield customer, products

    def _keep(self, customer: int, value: Any) -> str:
        if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
            return f"the products {_shown(value)} are no list of texts"
        if not 1 <= len(value) <= MOST_PRODUCTS:
            return f"there are {len(value)} products; 1 to {MOST_PRODUCTS} are taken"
        if len(set(value)) < len(value):
            return "a product comes a second time"
        known = [self.catalogue[one] for one in value if one in self.catalogue]
        if not known:
            return f"none of its products is in the catalogue, such as {_shown(value[0])}"
        self.passed_over += len(value) - len(known)
        self.file.write(f"{customer} {' '.join(map(str, known))}\n")
        return ""


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= _TEXT else f"{text[:_TEXT]}…"
