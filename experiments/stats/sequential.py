"""Looking at planned moments without being fooled: group-sequential boundaries and alpha spending.

The z statistics of several looks are a Brownian motion read at their information and divided by its root:
corr(Z_j, Z_k) = √(I_j/I_k). Everything here is the numerical integration of that process. Source of methods and
constants: Jennison & Turnbull (2000), Group Sequential Methods with Applications to Clinical Trials, ch. 2, 7, 19.
"""

from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import ndtr, ndtri

from experiments.stats.arguments import Floats, shares

Spending = Literal["obrien_fleming", "pocock"]
FURTHEST = 8.0
_HALVINGS, _COARSE_HALVINGS = 46, 14
_LEAST_NEWS = 0.005
_MOST_CELLS = 4_000_000
_NOTHING = 1e-15


def spent(fraction: ArrayLike, *, alpha: float = 0.05, spending: Spending = "obrien_fleming") -> Floats:
    """The share of two-sided alpha that may be used up at an information fraction; everything from 1 on.

    `obrien_fleming`: 2·(2 − 2Φ(z_{α/4}/√t)), each side spending α/2; `pocock`: α·ln(1 + (e−1)t). Source: Lan &
    DeMets (1983), Biometrika 70, 659–663.
    """
    shares(alpha=alpha)
    at = np.clip(np.asarray(fraction, dtype=np.float64), 0.0, 1.0)
    if spending == "pocock":
        return np.asarray(alpha * np.log1p((np.e - 1) * at))
    if spending != "obrien_fleming":
        raise ValueError(f"spending must be obrien_fleming or pocock, not {spending}")
    with np.errstate(divide="ignore"):
        return np.asarray(4 * ndtr(ndtri(alpha / 4) / np.sqrt(at)))


def information_fraction(
    *, successes: ArrayLike, trials: ArrayLike, planned_successes: float, planned_trials: float
) -> Floats:
    """How much of the planned information is there, from pooled counts of all arms; element by element.

    Information on a difference of rates is n·p/(1−p): it grows with enrolment where mails trickle out, and
    with the conversions where all are sent at once and the answers trickle in. Then p/(1−p) grows and n
    stands still, so that n/N would call every look the last one. For rare conversions this is conversions
    over planned conversions. It may exceed 1.
    """
    if not 0 < planned_successes < planned_trials:
        raise ValueError(
            f"planned_successes must lie between 0 and {planned_trials}, not {planned_successes}"
        )
    x, n = (np.asarray(value, dtype=np.float64) for value in (successes, trials))
    if not np.all((n > 0) & (x >= 0) & (x <= n)):
        raise ValueError("successes must lie between 0 and trials, and trials be positive")
    planned = planned_successes / (1 - planned_successes / planned_trials)
    return np.asarray(x * n / np.maximum(n - x, 0.5) / planned)


def boundaries(
    fractions: ArrayLike,
    *,
    alpha: float = 0.05,
    spending: Spending = "obrien_fleming",
    final: bool = False,
) -> Floats:
    """The critical |z| of each look so far, two-sided and symmetric, for any information fractions.

    `fractions` (..., K) ascend along the last axis; leading axes are many experiments at once. With `final`
    the last look spends whatever alpha is left, though less (or more) came in than planned. A look that adds
    less than 0.5 % of information, or comes after everything was spent, has the boundary ∞; one so early that
    it may spend next to nothing has 8. A boundary depends on the looks before it alone, so asking again later
    changes none.
    """
    information = _ascending(fractions)
    rows = information.reshape(-1, information.shape[-1])
    target = spent(rows, alpha=alpha, spending=spending)
    if final:
        target[:, -1] = alpha
    found = np.full_like(rows, np.inf)
    chunk = max(_MOST_CELLS // 200**2, 1)
    for start in range(0, len(rows), chunk):
        part = slice(start, start + chunk)
        found[part] = _solve(rows[part], target[part], final=final)
    return found.reshape(information.shape)


def nominal_alpha(boundary: ArrayLike) -> Floats:
    """The two-sided alpha of a fixed test with this critical value: give it to a comparison at that look.

    The interval at this level is the repeated confidence interval of Jennison & Turnbull (1989), JRSS B 51,
    305–361: all looks' intervals together cover with 1 − α, and one excludes zero when its look stops.
    """
    return np.asarray(2 * ndtr(-np.asarray(boundary, dtype=np.float64)))


def obrien_fleming_constant(looks: int, *, alpha: float = 0.05) -> float:
    """C_B(K, α): O'Brien and Fleming's test with K equally spaced looks stops at |Z_k| ≥ C_B·√(K/k).

    Source: O'Brien & Fleming (1979), Biometrics 35, 549–556; Jennison & Turnbull (2000), table 2.3.
    """
    shape = np.sqrt(looks / np.arange(1, _looks(looks) + 1))
    return _constant(shape, alpha)


def pocock_constant(looks: int, *, alpha: float = 0.05) -> float:
    """C_P(K, α): Pocock's test with K equally spaced looks stops at |Z_k| ≥ C_P.

    Source: Pocock (1977), Biometrika 64, 191–199; Jennison & Turnbull (2000), table 2.1.
    """
    return _constant(np.ones(_looks(looks)), alpha)


def crossing_probabilities(fractions: ArrayLike, bounds: ArrayLike, *, drift: float = 0.0) -> Floats:
    """The chance to stop first at each look (K,), at either side, where E[Z] at fraction 1 is `drift`.

    With no drift the sum is the type I error; with the drift of the effect hoped for it is the power.
    """
    information, critical = _ascending(fractions), np.asarray(bounds, dtype=np.float64)
    if information.ndim != 1 or critical.shape != information.shape or not np.all(critical > 0):
        raise ValueError("bounds must be one positive number for each of the fractions")
    if not np.all(np.diff(information, prepend=0.0) > 0):
        raise ValueError("fractions must rise from look to look")
    process, found = _Process(1, drift=drift), []
    for now, bound in zip(information, np.minimum(critical, FURTHEST + abs(drift)), strict=True):
        found.append(float(process.crossing(np.array([now]), np.array([bound]))[0]))
        process.carry_on(np.array([now]), np.array([bound]))
    return np.array(found)


def inflation(fractions: ArrayLike, bounds: ArrayLike, *, alpha: float = 0.05, power: float = 0.8) -> float:
    """How many times the fixed sample the plan's largest sample must be, to keep the power despite the looks.

    The R of Jennison & Turnbull (2000), tables 2.2 and 2.4: 1.028 for O'Brien–Fleming, 1.229 for Pocock, at five
    looks with α 0.05 and power 0.8.
    """
    shares(alpha=alpha, power=power)
    fixed = float(ndtri(power) - ndtri(alpha / 2))
    low, high = 0.9 * fixed, 2.0 * fixed
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        reached = crossing_probabilities(fractions, bounds, drift=middle).sum() >= power
        low, high = (low, middle) if reached else (middle, high)
    return (high / fixed) ** 2


class _Process:
    """Many experiments' Brownian motions, restricted to those not stopped yet, as mass on quadrature nodes."""

    def __init__(self, experiments: int, *, drift: float = 0.0) -> None:
        self.drift = drift
        self.at: Floats = np.zeros((experiments, 1))
        self.mass: Floats = np.ones((experiments, 1))
        self.reached: Floats = np.zeros(experiments)

    def crossing(self, information: Floats, bound: Floats) -> Floats:
        """P(|Z| ≥ bound at this information and no crossing before), for each experiment."""
        mean, deviation = self._step(information)
        edge = (bound * np.sqrt(information))[:, None]
        outside = ndtr((mean - edge) / deviation) + ndtr((-edge - mean) / deviation)
        return np.asarray((self.mass * outside).sum(axis=1))

    def boundary(self, information: Floats, probability: Floats) -> Floats:
        """The bound that is crossed with this probability, at most 8: bisection, then two steps of Newton's."""
        low, high = np.zeros_like(probability), np.full_like(probability, FURTHEST)
        for _ in range(_COARSE_HALVINGS):
            middle = (low + high) / 2
            too_often = self.crossing(information, middle) > probability
            low, high = np.where(too_often, middle, low), np.where(too_often, high, middle)
        bound = high
        for _ in range(2):
            missing = self.crossing(information, bound) - probability
            bound = np.clip(bound + missing / self._density(information, bound), low, high)
        return bound

    def _density(self, information: Floats, bound: Floats) -> Floats:
        """How fast the crossing probability falls with the bound."""
        mean, deviation = self._step(information)
        edge = (bound * np.sqrt(information))[:, None]
        heights = np.exp(-0.5 * (((mean - edge) / deviation) ** 2)) + np.exp(
            -0.5 * (((edge + mean) / deviation) ** 2)
        )
        scale = np.sqrt(information) / (deviation[:, 0] * np.sqrt(2 * np.pi))
        return np.asarray(np.maximum((self.mass * heights).sum(axis=1) * scale, 1e-300))

    def carry_on(self, information: Floats, bound: Floats) -> None:
        """Go on to this information, keeping what lies within ±bound.

        Gauss–Legendre nodes, as dense as the shortest step asks for.
        """
        mean, deviation = self._step(information)
        reach = np.minimum(bound, FURTHEST + abs(self.drift)) * np.sqrt(information)
        nodes, weights = _quadrature(24 + int(5 * (reach / deviation[:, 0]).max()))
        score = reach[:, None] * nodes
        kernel = np.exp(-0.5 * ((score[:, None, :] - mean[:, :, None]) / deviation[:, :, None]) ** 2)
        density = np.einsum("ri,rij->rj", self.mass, kernel) / (deviation * np.sqrt(2 * np.pi))
        self.at, self.mass, self.reached = score, density * weights * reach[:, None], information

    def only(self, rows: NDArray[np.intp]) -> "_Process":
        """These experiments by themselves."""
        part = _Process(len(rows), drift=self.drift)
        part.at, part.mass, part.reached = self.at[rows], self.mass[rows], self.reached[rows]
        return part

    def put(self, rows: NDArray[np.intp], part: "_Process") -> None:
        """Take these experiments' state from `part`; the shorter rows are filled up with nodes of no mass."""
        width = max(self.at.shape[1], part.at.shape[1])
        self.at, self.mass = _widened(self.at, width), _widened(self.mass, width)
        self.at[rows], self.mass[rows] = _widened(part.at, width), _widened(part.mass, width)
        self.reached[rows] = part.reached

    def _step(self, information: Floats) -> tuple[Floats, Floats]:
        """Mean of the next score Z√I at each node (r, j), and its deviation (r, 1)."""
        gained = (information - self.reached)[:, None]
        return self.at + self.drift * gained, np.sqrt(gained)


@lru_cache(maxsize=64)
def _sixteens(count: int) -> tuple[Floats, Floats]:
    nodes, weights = np.polynomial.legendre.leggauss(16 * count)
    return nodes, weights


def _quadrature(least: int) -> tuple[Floats, Floats]:
    """Nodes and weights on (−1, 1), at least so many: a multiple of 16, so that few sets are ever computed."""
    return _sixteens(-(-least // 16))


def _solve(information: Floats, target: Floats, *, final: bool) -> Floats:
    """The boundary of each look (r, k) that brings the crossing probability so far to `target`."""
    if final and information.shape[1] > 1:
        least = information[:, -2] * (1 + 2 * _LEAST_NEWS)
        information = np.column_stack([information[:, :-1], np.maximum(information[:, -1], least)])
    found = np.full_like(information, np.inf)
    process, used = _Process(len(information)), np.zeros(len(information))
    for look in range(information.shape[1]):
        now, wanted = information[:, look], target[:, look] - used
        rows = np.flatnonzero((now - process.reached > _LEAST_NEWS * now) & (wanted > _NOTHING))
        if rows.size:
            part = process.only(rows)
            found[rows, look] = part.boundary(now[rows], wanted[rows])
            part.carry_on(now[rows], found[rows, look])
            process.put(rows, part)
            used[rows] = target[rows, look]
    return found


def _constant(shape: Floats, alpha: float) -> float:
    """The factor of `shape` at which equally spaced looks together cross with probability alpha."""
    shares(alpha=alpha)
    fractions = np.arange(1, len(shape) + 1) / len(shape)
    low, high = 1.0, FURTHEST
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        too_often = crossing_probabilities(fractions, middle * shape).sum() > alpha
        low, high = (middle, high) if too_often else (low, middle)
    return high


def _looks(looks: int) -> int:
    if not 1 <= looks <= 100:
        raise ValueError(f"looks must lie between 1 and 100, not {looks}")
    return looks


def _ascending(fractions: ArrayLike) -> Floats:
    values = np.asarray(fractions, dtype=np.float64)
    if values.ndim < 1 or values.shape[-1] < 1 or not np.all(np.isfinite(values) & (values >= 0)):
        raise ValueError("fractions must hold at least one look, none negative or infinite")
    if np.any(np.diff(values, axis=-1) < 0):
        raise ValueError("fractions must not fall from look to look")
    return values


def _widened(values: Floats, width: int) -> Floats:
    return np.pad(values, ((0, 0), (0, width - values.shape[1])))
