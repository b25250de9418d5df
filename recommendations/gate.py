"""Whether a challenger may take the place of what is in use: both on the same customers, paired one by one.

A stored figure of the one in use comes from other weeks: after an easy season nothing would ever reach it. Which rows
the two are compared on, and why, is docs/decisions/0007-a-challenger-meets-the-champion-on-the-same-rows.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from recommendations.evaluation.bootstrap import Difference, paired_difference
from recommendations.evaluation.metrics import Values

TOLERANCE = 0.02
"""How much of what the one in use reaches may be lost at most, at the lower end of the interval."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """A challenger against `rival` in one `measure`; a `difference` above 0 says that the challenger is better.

    `whom` says more of the customers.
    """

    rival: str
    measure: str
    customers: int
    difference: Difference
    margin: float
    whom: str = ""

    @property
    def is_passed(self) -> bool:
        """Whether even the lower end of the interval is no worse than the margin allows."""
        return self.customers > 0 and self.difference.low >= -self.margin

    def as_json(self) -> dict[str, Any]:
        """Plain values, as stored with a version."""
        plain = {name: getattr(self, name) for name in ("rival", "measure", "customers", "margin")}
        return {**plain, **self.difference.as_json(), "is_passed": self.is_passed}

    def sentence(self, shown: Callable[[float], str] = "{:.4f}".format) -> str:
        """What came out, in one sentence; `shown` writes a size of the measure."""
        if not self.customers:
            return f"There are no customers on whom it could be compared with {self.rival}."
        ends = (self.difference.low, self.difference.high)
        low, high = (f"{'−' if end < 0 else '+'}{shown(abs(end))}" for end in ends)
        level = round(self.difference.confidence * 100)
        side = "better" if self.difference.mean >= 0 else "worse"
        return (
            f"Against {self.rival} on the same {self.customers} customers{self.whom} its {self.measure} is "
            f"{shown(abs(self.difference.mean))} {side} ({level} % interval {low} to {high}): "
            f"{self._outcome(shown)}."
        )

    def _outcome(self, shown: Callable[[float], str]) -> str:
        if self.difference.low > 0:
            return "it is better"
        if self.is_passed:
            return f"not worse by more than the {shown(self.margin)} allowed"
        if self.difference.high < 0:
            return "it is worse"
        return f"it may be worse by more than the {shown(self.margin)} allowed"


def duel(*, rival: str, measure: str, ours: Values, theirs: Values, scale: float, whom: str = "") -> Duel:
    """Compare values a customer, of which higher is better; `TOLERANCE` of `scale` may be lost."""
    return Duel(
        rival=rival,
        measure=measure,
        customers=len(ours),
        difference=paired_difference(ours, theirs),
        margin=round(TOLERANCE * scale, 6),
        whom=whom,
    )
