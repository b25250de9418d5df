"""What each customer will spend in the weeks to come: a probability model and boosted trees, averaged.

The probability model, Pareto/NBD × Gamma-Gamma, knows how buying fades with time, and so says how much all will spend.
The trees (Tweedie loss: many zeros, a heavy tail) learn on an earlier cut-off who of the customers spends more than it
thinks. They have seen only that shorter window, so their sum is brought to the probability model's. The estimate is the
geometric mean of both.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import boosting, gamma_gamma, pareto_nbd
from .histories import Histories, Integers, Purchases, Values, histories

FEWEST_CUSTOMERS = 100
FEWEST_REPEATERS = 20
FEWEST_FOR_TREES = 1000
RECENT_SHARES = (0.125, 0.25, 0.5)
TREES: dict[str, Any] = {
    "objective": "tweedie",
    "tweedie_variance_power": 1.5,
    "learning_rate": 0.03,
    "num_leaves": 7,
    "min_data_in_leaf": 200,
    "lambda_l2": 10,
}
ROUNDS = 200


class TooLittleHistoryError(ValueError):
    """There are too few customers, or too few who came back, to learn from."""


@dataclass(frozen=True, slots=True)
class LifetimeValues:
    """`spend` and number of `purchases` expected of each of `customers` (sorted)."""

    customers: Integers
    spend: Values
    purchases: Values


@dataclass(frozen=True, slots=True)
class Judgement:
    """Predictions held against what was spent. `capture`: share of all spend by the fifth predicted highest."""

    customers: int
    mae: float
    rmse: float
    capture: float
    best_capture: float
    predicted_mean: float
    actual_mean: float


@dataclass(frozen=True, slots=True)
class LifetimeValueModel:
    """What was learnt; `trees` is None where there were too few customers for them."""

    rate: pareto_nbd.ParetoNBD
    value: gamma_gamma.GammaGamma
    trees: boosting.Trees | None

    def predict(self, purchases: Purchases, *, as_of: int, weeks: float) -> LifetimeValues:
        """Expect what customers known before the day `as_of` spend in the `weeks` from then on."""
        known = purchases.as_known(as_of)
        past = histories(known, as_of=as_of)
        expected = self.rate.expected_purchases(past, weeks=weeks)
        spend = expected * self.value.expected_value(past.mean_value, past.purchases)
        if self.trees is not None and len(spend):
            boosted = self.trees.predict(_features(known, past, as_of=as_of, first=int(known.days.min())))
            spend = np.sqrt(spend * boosted * (spend.sum() / boosted.sum()))
        return LifetimeValues(past.customers, spend, expected)

    def parameters(self) -> dict[str, Any]:
        """The fitted numbers by name, and how many trees."""
        return {
            "pareto_nbd": self.rate.as_json(),
            "gamma_gamma": self.value.as_json(),
            "trees": 0 if self.trees is None else ROUNDS,
        }

    def stored(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """Arrays and metadata from which `from_stored` makes the same model."""
        text = "" if self.trees is None else self.trees.text
        return {"text": np.frombuffer(text.encode(), dtype=np.uint8)}, self.parameters()

    @classmethod
    def from_stored(
        cls, arrays: Mapping[str, npt.NDArray[Any]], metadata: dict[str, Any]
    ) -> LifetimeValueModel:
        """What `stored` gave."""
        text = arrays["text"].tobytes().decode()
        return cls(
            pareto_nbd.ParetoNBD(**metadata["pareto_nbd"]),
            gamma_gamma.GammaGamma(**metadata["gamma_gamma"]),
            boosting.Trees(text) if text else None,
        )


def fit(purchases: Purchases, *, as_of: int, weeks: float) -> LifetimeValueModel:
    """Learn from what happened before the day `as_of`, to predict the `weeks` after it.

    Raises `TooLittleHistoryError` under 100 customers or 20 with a second purchase. Under 1,000 customers at the
    earlier cut-off there are no trees, and the probability model stands alone.
    """
    known = purchases.as_known(as_of)
    past = histories(known, as_of=as_of)
    _require_enough(past)
    return LifetimeValueModel(
        rate=pareto_nbd.fit(past),
        value=gamma_gamma.fit(past.mean_value, past.purchases),
        trees=_fit_trees(purchases, as_of=as_of, weeks=weeks),
    )


def judge(predicted: LifetimeValues, actual: Values) -> Judgement:
    """Hold predictions against `actual` spend of the same customers, in money of the purchases."""
    difference = predicted.spend - actual
    return Judgement(
        customers=len(actual),
        mae=float(np.abs(difference).mean()),
        rmse=float(np.sqrt((difference**2).mean())),
        capture=top_capture(predicted.spend, actual),
        best_capture=top_capture(actual, actual),
        predicted_mean=float(predicted.spend.mean()),
        actual_mean=float(actual.mean()),
    )


def top_capture(predicted: Values, actual: Values, *, share: float = 0.2) -> float:
    """The part of all `actual` spend that came from the `share` of customers predicted highest; 0 without spend."""
    total = float(actual.sum())
    best = np.argsort(-predicted, kind="stable")[: round(len(predicted) * share)]
    return float(actual[best].sum()) / total if total > 0 else 0.0


def _require_enough(past: Histories) -> None:
    customers, repeaters = len(past.customers), int((past.repeats > 0).sum())
    if customers < FEWEST_CUSTOMERS:
        raise TooLittleHistoryError(f"not enough data: {customers} of {FEWEST_CUSTOMERS} customers")
    if repeaters < FEWEST_REPEATERS:
        raise TooLittleHistoryError(
            f"not enough data: {repeaters} of {FEWEST_REPEATERS} customers with a second purchase"
        )


def _fit_trees(purchases: Purchases, *, as_of: int, weeks: float) -> boosting.Trees | None:
    """Learn from an earlier cut-off: what came in the window after it, at most half of what is known.

    Of the past it sees what was known at that cut-off: what was given back afterwards had still been spent.
    """
    known = purchases.as_known(as_of)
    first = int(known.days.min())
    cut_off = as_of - int(min(weeks * 7, (as_of - first) / 2))
    earlier = purchases.as_known(cut_off)
    past = histories(earlier, as_of=cut_off)
    spent = known.between(cut_off, as_of).spent_by(past.customers)
    if len(past.customers) < FEWEST_FOR_TREES or spent.sum() <= 0:
        return None
    features = _features(earlier, past, as_of=cut_off, first=first)
    return boosting.fit(features, spent, rounds=ROUNDS, **TREES)


def _features(known: Purchases, past: Histories, *, as_of: int, first: int) -> Values:
    """A row a customer, times as shares of what is known, so that an earlier cut-off looks like a later one.

    `first` is the earliest day of the shop's history.
    """
    place = np.searchsorted(past.customers, known.customers)
    latest, earliest = np.zeros(len(past.customers)), np.zeros(len(past.customers))
    latest[place] = known.amounts
    earliest[place[::-1]] = known.amounts[::-1]
    span = as_of - first
    reach = past.last / np.maximum(past.age, 1e-9)
    columns = [past.repeats, reach, past.age * 7 / span, past.mean_value, latest, earliest]
    columns.append(past.mean_value * past.purchases)
    for share in RECENT_SHARES:
        recent = known.between(int(as_of - share * span), as_of)
        where = np.searchsorted(past.customers, recent.customers)
        columns.append(np.bincount(where, minlength=len(past.customers)).astype(np.float64))
        columns.append(recent.spent_by(past.customers))
    return np.stack(columns, axis=1)
