"""Group-sequential constants for 1 to 20 looks at three levels, and the samples they cost, as published."""

import numpy as np
import pytest

from experiments.stats.sequential import inflation, obrien_fleming_constant, pocock_constant

LOOKS = (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 15, 20)
# Jennison & Turnbull (2000), table 2.1: C_P(K, α) of Pocock's two-sided test.
POCOCK = {
    0.01: (2.576, 2.772, 2.873, 2.939, 2.986, 3.023, 3.053, 3.078, 3.099, 3.117, 3.133, 3.147, 3.182, 3.225),
    0.05: (1.960, 2.178, 2.289, 2.361, 2.413, 2.453, 2.485, 2.512, 2.535, 2.555, 2.572, 2.588, 2.626, 2.672),
    0.10: (1.645, 1.875, 1.992, 2.067, 2.122, 2.164, 2.197, 2.225, 2.249, 2.270, 2.288, 2.304, 2.344, 2.392),
}
# Table 2.3: C_B(K, α) of O'Brien and Fleming's.
OBRIEN_FLEMING = {
    0.01: (2.576, 2.580, 2.595, 2.609, 2.621, 2.631, 2.640, 2.648, 2.654, 2.660, 2.665, 2.670, 2.681, 2.695),
    0.05: (1.960, 1.977, 2.004, 2.024, 2.040, 2.053, 2.063, 2.072, 2.080, 2.087, 2.092, 2.098, 2.110, 2.126),
    0.10: (1.645, 1.678, 1.710, 1.733, 1.751, 1.765, 1.776, 1.786, 1.794, 1.801, 1.807, 1.813, 1.826, 1.842),
}
# Tables 2.2 and 2.4: R_P and R_B, the largest sample over the fixed one, at α 0.05 and power 0.8.
LARGER = {2: (1.110, 1.008), 3: (1.166, 1.017), 4: (1.202, 1.024), 5: (1.229, 1.028), 10: (1.301, 1.040)}
CASES = [(looks, alpha, place) for alpha in POCOCK for place, looks in enumerate(LOOKS)]


@pytest.mark.parametrize(("looks", "alpha", "place"), CASES)
def test_the_constants_are_the_published_ones_to_their_last_digit(
    looks: int, alpha: float, place: int
) -> None:
    assert round(pocock_constant(looks, alpha=alpha), 3) == POCOCK[alpha][place]
    assert round(obrien_fleming_constant(looks, alpha=alpha), 3) == OBRIEN_FLEMING[alpha][place]


@pytest.mark.parametrize("looks", LARGER)
def test_what_looking_costs_is_the_published_factor(looks: int) -> None:
    fractions = np.arange(1, looks + 1) / looks
    pocock = np.full(looks, pocock_constant(looks))
    obrien_fleming = obrien_fleming_constant(looks) * np.sqrt(1 / fractions)
    found = (inflation(fractions, pocock), inflation(fractions, obrien_fleming))
    assert found == pytest.approx(LARGER[looks], abs=1e-3)
