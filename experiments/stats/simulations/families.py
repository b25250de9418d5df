"""A control with five treatments: how often is any of them a false winner?"""

import numpy as np

from experiments.stats.multiplicity import dunnett_critical, holm
from experiments.stats.proportions import pooled_z, two_sided_p
from experiments.stats.simulations.tally import Tallies, Tally

ALPHA = 0.05
UNCORRECTED = "each for itself"
TREATMENTS, CUSTOMERS, RATE = 5, 5_000, 0.05


def false_families(*, runs: int, seed: int) -> Tallies:
    """In how many experiments without any effect at least one of five treatments beats the control."""
    generator = np.random.default_rng([seed, 5])
    converted = generator.binomial(CUSTOMERS, RATE, (TREATMENTS + 1, runs))
    z = pooled_z(x1=converted[1:], n1=CUSTOMERS, x2=converted[0], n2=CUSTOMERS)
    raw = two_sided_p(z)
    limit = dunnett_critical(n_treatments=[CUSTOMERS] * TREATMENTS, n_control=CUSTOMERS, alpha=ALPHA)
    return {
        UNCORRECTED: Tally.of(raw.min(axis=0) < ALPHA),
        "Holm": Tally.of(np.array([min(holm(column)) < ALPHA for column in raw.T.tolist()])),
        "Dunnett": Tally.of(np.abs(z).max(axis=0) >= limit),
    }
