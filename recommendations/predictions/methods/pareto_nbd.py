"""Pareto/NBD: how often customers buy while they are alive, and when they silently leave.

A customer buys as a Poisson process with rate λ until he leaves after an exponential time with rate μ; λ is
Gamma(r, α) and μ Gamma(s, β) among customers (Schmittlein, Morrison and Colombo 1987). Likelihood and expectation as in
Fader and Hardie, "A Note on Deriving the Pareto/NBD Model and Related Expressions" (2005).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from scipy.special import gammaln, hyp2f1, logsumexp

from .histories import Histories, Values

PENALTY = 1e-3
STARTS = ((0.5, 10.0, 0.5, 10.0), (1.0, 5.0, 1.0, 50.0))


@dataclass(frozen=True, slots=True)
class ParetoNBD:
    """Fitted parameters; time in weeks."""

    r: float
    alpha: float
    s: float
    beta: float

    def expected_purchases(self, past: Histories, *, weeks: float) -> Values:
        """E[purchases in the `weeks` after `past`], a value each customer (Fader and Hardie 2005, eq. 41)."""
        r, alpha, s, beta = self.r, self.alpha, self.s, self.beta
        end = beta + past.age
        if abs(s - 1) < 1e-6:
            while_alive = np.log((end + weeks) / end)
        else:
            while_alive = (1 - (end / (end + weeks)) ** (s - 1)) / (s - 1)
        return self.probability_alive(past) * (r + past.repeats) * end / (alpha + past.age) * while_alive

    def probability_alive(self, past: Histories) -> Values:
        """P(not left yet), a value each customer. Not a churn score: it orders who buys again badly."""
        x, age = past.repeats, past.age
        total = self.r + self.s + x
        alive = (self.r + x) * np.log(self.alpha + age) + self.s * np.log(self.beta + age)
        odds = np.log(self.s / total) + alive + _log_left(self, past)
        return 1 / (1 + np.exp(np.clip(odds, -700, 700)))

    def as_json(self) -> dict[str, float]:
        """The parameters by name."""
        return asdict(self)


def fit(past: Histories) -> ParetoNBD:
    """Maximum likelihood, with a slight penalty on the size of the logarithms against flat directions.

    Customers with the same history are counted once with their number: the likelihood is the same.
    """
    from scipy.optimize import minimize

    rows = np.stack([past.repeats, past.last, past.age], axis=1)
    distinct, number = np.unique(rows, axis=0, return_counts=True)
    repeats, last, age = distinct.T
    grouped = Histories(np.arange(len(distinct)), repeats, last, age, np.zeros(len(distinct)))

    def loss(logarithms: Values) -> float:
        model = ParetoNBD(*np.exp(logarithms).tolist())
        likelihood = _log_likelihood(model, grouped)
        value = -float(number @ likelihood) / number.sum() + PENALTY * float(logarithms @ logarithms)
        return value if np.isfinite(value) else 1e6

    fits = [
        minimize(loss, np.log(start), method="L-BFGS-B", bounds=[(-9.0, 9.0)] * 4, options={"maxiter": 200})
        for start in STARTS
    ]
    best = min(fits, key=lambda found: found.fun)
    return ParetoNBD(*np.exp(best.x).tolist())


def _log_likelihood(model: ParetoNBD, past: Histories) -> Values:
    r, alpha, s, beta = model.r, model.alpha, model.s, model.beta
    x, age = past.repeats, past.age
    front = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    stayed = -(r + x) * np.log(alpha + age) - s * np.log(beta + age)
    left = np.log(s / (r + s + x)) + _log_left(model, past)
    return front + np.logaddexp(stayed, left)


def _log_left(model: ParetoNBD, past: Histories) -> Values:
    """log A₀: the weight of having left between the last purchase and now (Fader and Hardie 2005, eq. 19–20)."""
    r, alpha, s, beta = model.r, model.alpha, model.s, model.beta
    x = past.repeats
    large, small = max(alpha, beta), min(alpha, beta)
    second = s + 1 if alpha >= beta else r + x
    power = r + s + x

    def at(time: Values) -> Values:
        argument = (large - small) / (large + time)
        return np.log(hyp2f1(power, second, power + 1, argument)) - power * np.log(large + time)

    before, now = at(past.last), at(past.age)
    signs = np.stack([np.ones_like(before), -np.ones_like(now)])
    with np.errstate(divide="ignore", invalid="ignore"):
        found: Values = logsumexp(np.stack([before, now]), axis=0, b=signs)
    return found
