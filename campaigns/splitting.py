"""From the percentages that a marketer enters to weights in whole basis points. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor

from experiments.stats.assignment import WHOLE

HUNDRED = Decimal(100)


class BadSplit(ValueError):
    """The percentages make no split; the text is a sentence for people."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Split:
    """Weights in basis points of everybody, which add up to 10,000; a holdout may have none."""

    no_mail: int
    baseline: int
    arms: tuple[int, ...]


def split(*, no_mail_percent: int, baseline_percent: int, arms: Sequence[Decimal]) -> Split:
    """Return the weights: `baseline_percent` of those mailed, `arms` of those who are in no holdout.

    What does not come out even goes to the arms with the largest remainders, the earlier first. Raises BadSplit where
    the arms do not make 100 % or one of them would have less than one in 10,000.
    """
    total = sum(arms)
    if total != HUNDRED:
        raise BadSplit(
            f"The shares of the arms make {number(total)} %: they have to add up to 100 %"
            f" ({' + '.join(map(number, arms))})."
        )
    no_mail = no_mail_percent * 100
    baseline = (WHOLE - no_mail) * baseline_percent // 100
    weights = apportioned(WHOLE - no_mail - baseline, arms)
    if min(weights) < 1:
        raise BadSplit("An arm would have less than one in 10,000 of the audience: give it a larger share.")
    return Split(no_mail=no_mail, baseline=baseline, arms=weights)


def apportioned(whole: int, shares: Sequence[Decimal | int]) -> tuple[int, ...]:
    """Divide a whole number in proportion to positive shares, by largest remainder, the earlier first."""
    total = sum(map(Fraction, shares))
    exact = [whole * Fraction(share) / total for share in shares]
    parts = [floor(part) for part in exact]
    by_remainder = sorted(range(len(parts)), key=lambda place: (parts[place] - exact[place], place))
    for place in by_remainder[: whole - sum(parts)]:
        parts[place] += 1
    return tuple(parts)


def number(value: Decimal | int) -> str:
    """Write a percentage without zeros that say nothing."""
    return f"{Decimal(value).normalize():f}"
