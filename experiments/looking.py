"""How strict one look is: what a p-value is worth, and how wide an interval is, when one looks more than once.

Each way answers two questions about the test of the present look. `p_value` turns the p-value of a single look into one
that may be held against the alpha of the whole experiment; `level` turns an alpha of the whole experiment into that of
this look's test and interval. They are each other's inverse, so that an interval excludes "no effect" exactly when the
p-value is below alpha, and Holm's procedure over several arms works on either (Ye, Li, Liu & Yao (2013), Statistics in
Medicine 32, 1112–1124, for planned looks).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log
from typing import Literal, Protocol

from scipy.special import ndtri

from experiments.stats.anytime import always_valid_p, anytime_critical, tuned_ratio
from experiments.stats.sequential import Spending, boundaries, nominal_alpha

_LEAST, _MOST = 1e-12, 0.999
_HALVINGS = 24
Method = Literal["fixed", "obrien_fleming", "pocock", "anytime"]


class Looking(Protocol):
    """One way of looking."""

    def p_value(self, p_value: float) -> float:
        """The p-value that holds however often one looks in this way."""
        ...

    def level(self, alpha: float) -> float:
        """The alpha of this look's own test, when the whole experiment has this one."""
        ...


@dataclass(frozen=True, slots=True)
class Once:
    """Only when all is over: nothing to correct for."""

    def p_value(self, p_value: float) -> float:
        """The p-value as it is."""
        return p_value

    def level(self, alpha: float) -> float:
        """The alpha as it is."""
        return alpha


ONCE = Once()


@dataclass(frozen=True, slots=True)
class AtLooks:
    """At planned looks by alpha spending (Lan & DeMets).

    `fractions` are the shares of the planned information at the looks taken so far, this one the last; `is_final` says
    that no further look comes, so that all alpha that is left is spent.
    """

    fractions: tuple[float, ...]
    spending: Spending = "obrien_fleming"
    is_final: bool = False

    def critical(self, alpha: float) -> float:
        """The |z| from which on this look stops the experiment; ∞ where it brings nothing new."""
        found = boundaries(self.fractions, alpha=alpha, spending=self.spending, final=self.is_final)
        return float(found[-1])

    def level(self, alpha: float) -> float:
        """The nominal alpha of this look: of the repeated confidence interval (Jennison & Turnbull 1989)."""
        return max(float(nominal_alpha(self.critical(alpha))), _LEAST)

    def p_value(self, p_value: float) -> float:
        """The smallest alpha at which this look would stop (the repeated p-value); 1 where none would."""
        if p_value >= self.level(_MOST):
            return 1.0
        low, high = log(max(p_value, _LEAST)), log(_MOST)
        for _ in range(_HALVINGS):
            middle = (low + high) / 2
            low, high = (low, middle) if self.level(exp(middle)) > p_value else (middle, high)
        return exp(high)


@dataclass(frozen=True, slots=True)
class Anytime:
    """Whenever one likes; `ratio` is the information, in units of the mixing precision (see `stats.anytime`)."""

    ratio: float

    def critical(self, alpha: float) -> float:
        """The |z| from which on the experiment may be stopped at any time."""
        return float(anytime_critical(ratio=self.ratio, alpha=alpha))

    def level(self, alpha: float) -> float:
        """The nominal alpha of the confidence sequence at this moment."""
        return max(float(nominal_alpha(self.critical(alpha))), _LEAST)

    def p_value(self, p_value: float) -> float:
        """The always-valid p-value of this moment."""
        return float(always_valid_p(z=-ndtri(max(p_value, 1e-300) / 2), ratio=self.ratio))


def at_look(
    method: Method,
    *,
    earlier: Sequence[float],
    fraction: float,
    elapsed: float,
    is_final: bool,
    alpha: float,
) -> Looking:
    """Return how strict a look at this share of the planned information is, after looks at `earlier` ones.

    A planned look counts for no more than `elapsed`, the share of the time that is over. An expectation that is too low
    would else spend all alpha at the first look. As answers to a mail come early, that is on the careful side.
    """
    if method == "fixed":
        return ONCE
    if method == "anytime":
        return in_between(fraction=fraction, alpha=alpha)
    there = max([*earlier, min(fraction, elapsed)])
    return AtLooks(fractions=(*earlier, there), spending=method, is_final=is_final)


def in_between(*, fraction: float, alpha: float) -> Looking:
    """Return what keeps intervals true for whoever looks at any moment: the confidence sequence."""
    return Anytime(ratio=tuned_ratio(alpha=alpha) * fraction)
