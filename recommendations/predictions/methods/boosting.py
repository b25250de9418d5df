"""Trees of LightGBM: one thread and a seed, so that the same rows give the same model; kept as LightGBM's own text."""

from __future__ import annotations

from typing import Any

import numpy as np

from .histories import Values

SEED = 1
FIXED = {"num_threads": 1, "seed": SEED, "deterministic": True, "force_row_wise": True, "verbose": -1}


class Trees:
    """A fitted ensemble of trees."""

    def __init__(self, text: str) -> None:
        import lightgbm

        self.text = text
        self._booster = lightgbm.Booster(model_str=text)

    def predict(self, features: Values) -> Values:
        """One value a row of `features`, in units of the target (a probability for `objective: binary`)."""
        return np.asarray(self._booster.predict(features, num_threads=1), dtype=np.float64)


def fit(features: Values, target: Values, *, rounds: int, **parameters: Any) -> Trees:
    """Fit `rounds` trees with LightGBM's `parameters` (their names: LightGBM's documentation)."""
    import lightgbm

    data = lightgbm.Dataset(features, target, free_raw_data=True)
    booster = lightgbm.train({**FIXED, **parameters}, data, rounds)
    return Trees(booster.model_to_string())
