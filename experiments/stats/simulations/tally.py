"""What a simulation counts."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Tally:
    """In `found` of `judged` experiments a rule named a winner (or an interval held the truth)."""

    found: int
    judged: int

    @classmethod
    def of(cls, winners: NDArray[np.bool_]) -> "Tally":
        """Count the experiments (runs,) that were judged."""
        return cls(int(winners.sum()), len(winners))

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.found + other.found, self.judged + other.judged)

    @property
    def share(self) -> float:
        """found / judged; 0.0 where nothing was judged."""
        return self.found / self.judged if self.judged else 0.0


Tallies = dict[str, Tally]
