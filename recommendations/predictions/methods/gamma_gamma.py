"""Gamma-Gamma: what a purchase of a customer is worth on average.

Amounts of one customer are Gamma(p, ν) and ν is Gamma(q, γ) among customers, apart from how often they buy (Fader,
Hardie and Lee 2005; Fader and Hardie, "The Gamma-Gamma Model of Monetary Value", 2013).
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
from scipy.special import gammaln

from .histories import Values

PENALTY = 1e-3


@dataclass(frozen=True, slots=True)
class GammaGamma:
    """Fitted parameters; `gamma` in units of money."""

    p: float
    q: float
    gamma: float

    def expected_value(self, mean_value: Values, purchases: Values) -> Values:
        """E[amount of the next purchase | mean of so many], a value each customer: shrunk towards everybody's."""
        return self.p * (self.gamma + purchases * mean_value) / (self.p * purchases + self.q - 1)

    def as_json(self) -> dict[str, float]:
        """The parameters by name."""
        return asdict(self)


def fit(mean_value: Values, purchases: Values) -> GammaGamma:
    """Maximum likelihood over customers with a mean amount > 0; q stays above 1, where the mean exists."""
    from scipy.optimize import minimize

    z, x = mean_value, purchases
    scale = float(z.mean())

    def parameters(logarithms: Values) -> GammaGamma:
        p, q, gamma = np.exp(logarithms).tolist()
        return GammaGamma(p, 1 + q, gamma * scale)

    def loss(logarithms: Values) -> float:
        model = parameters(logarithms)
        p, q, gamma = model.p, model.q, model.gamma
        terms = gammaln(p * x + q) - gammaln(p * x) - gammaln(q) + q * np.log(gamma)
        terms += (p * x - 1) * np.log(z) + p * x * np.log(x) - (p * x + q) * np.log(gamma + x * z)
        value = -float(terms.mean()) + PENALTY * float(logarithms @ logarithms)
        return value if np.isfinite(value) else 1e6

    best = minimize(loss, np.zeros(3), method="L-BFGS-B", bounds=[(-9.0, 9.0)] * 3)
    return parameters(best.x)
