"""How good probabilities are: folds, the usual metrics, calibration."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import expit, logit

from .histories import Integers, Values

Fold = tuple[Integers, Integers]
FOLDS = 5
BINS = 10
SMALLEST = 1e-6


@dataclass(frozen=True, slots=True)
class Metrics:
    """Of probabilities against what happened; precision, recall and F1 for those called positive.

    `auc_low` and `auc_high` are the ends of the 95 % interval (DeLong, DeLong and Clarke-Pearson 1988).
    `calibration_error` is the mean distance of the calibration curve from the diagonal, weighted by customers.
    """

    rows: int
    positives: int
    auc: float
    auc_low: float
    auc_high: float
    brier: float
    log_loss: float
    precision: float
    recall: float
    f1: float
    calibration_error: float

    def as_json(self) -> dict[str, float]:
        """The numbers by name."""
        return {name: round(value, 6) for name, value in asdict(self).items()}


@dataclass(frozen=True, slots=True)
class Calibration:
    """Platt's correction: logit(p') = intercept + slope × logit(p) (Platt 1999)."""

    slope: float
    intercept: float

    @classmethod
    def of(cls, probability: Values, target: Values) -> Calibration:
        """By maximum likelihood; the slope is never negative, so that the order stays."""
        from scipy.optimize import minimize

        odds = logit(np.clip(probability, SMALLEST, 1 - SMALLEST))

        def loss(parameters: Values) -> float:
            fitted = parameters[1] + parameters[0] * odds
            return float((np.logaddexp(0, fitted) - target * fitted).mean())

        found = minimize(loss, np.array([1.0, 0.0]), method="L-BFGS-B", bounds=[(0.0, 10.0), (-20.0, 20.0)])
        return cls(float(found.x[0]), float(found.x[1]))

    def apply(self, probability: Values) -> Values:
        """The corrected probabilities."""
        odds = logit(np.clip(probability, SMALLEST, 1 - SMALLEST))
        found: Values = expit(self.intercept + self.slope * odds)
        return found


@dataclass(frozen=True, slots=True)
class CalibrationPoint:
    """A tenth of the customers by predicted probability: what was predicted, what happened."""

    predicted: float
    happened: float
    rows: int


def shuffled_folds(strata: Integers, *, count: int = FOLDS, seed: int = 1) -> list[Fold]:
    """Folds (rows to learn from, rows to judge on), each with its share of every value of `strata`."""
    generator = np.random.default_rng(seed)
    order = generator.permutation(len(strata))
    order = order[np.argsort(strata[order], kind="stable")]
    member = np.empty(len(strata), dtype=np.int64)
    member[order] = np.arange(len(strata)) % count
    return [(np.flatnonzero(member != fold), np.flatnonzero(member == fold)) for fold in range(count)]


def time_ordered_folds(moments: npt.NDArray[np.generic], *, count: int = FOLDS) -> list[Fold]:
    """Folds that learn only from what is earlier: blocks of `moments` (sorted), each judged by all before it.

    Rows of one moment stay together. Raises `ValueError` where there are fewer than two moments.
    """
    distinct, first = np.unique(moments, return_index=True)
    if len(distinct) < 2:
        raise ValueError("validation in time needs rows of at least two moments")
    wanted = np.arange(1, count) * len(moments) // count
    starts = np.unique(first[np.clip(np.searchsorted(first, wanted), 1, len(first) - 1)])
    ends = [*starts[1:].tolist(), len(moments)]
    return [
        (np.arange(start), np.arange(start, end)) for start, end in zip(starts.tolist(), ends, strict=True)
    ]


def metrics(probability: Values, target: Values, called: npt.NDArray[np.bool_]) -> Metrics:
    """Judge probabilities; `called` says which rows are called positive. Needs both outcomes."""
    auc, error = _auc(probability, target)
    hits = float((called & (target == 1)).sum())
    precision = hits / max(float(called.sum()), 1.0)
    recall = hits / float(target.sum())
    clipped = np.clip(probability, SMALLEST, 1 - SMALLEST)
    curve = calibration_curve(probability, target)
    return Metrics(
        rows=len(target),
        positives=int(target.sum()),
        auc=auc,
        auc_low=max(0.0, auc - 1.96 * error),
        auc_high=min(1.0, auc + 1.96 * error),
        brier=float(((probability - target) ** 2).mean()),
        log_loss=float(-(target * np.log(clipped) + (1 - target) * np.log1p(-clipped)).mean()),
        precision=precision,
        recall=recall,
        f1=2 * precision * recall / (precision + recall) if hits else 0.0,
        calibration_error=sum(abs(at.predicted - at.happened) * at.rows for at in curve) / len(target),
    )


def auc(probability: Values, target: Values) -> float:
    """P(a positive is ranked above a negative), ties count half."""
    return _auc(probability, target)[0]


def best_threshold(probability: Values, target: Values) -> float:
    """The probability from which on calling positive gives the highest F1."""
    order = np.argsort(-probability, kind="stable")
    hits = np.cumsum(target[order])
    f1 = 2 * hits / (np.arange(1, len(target) + 1) + target.sum())
    last_of_ties = np.append(np.diff(probability[order]) != 0, True)
    return float(probability[order][np.argmax(np.where(last_of_ties, f1, -1))])


def calibration_curve(probability: Values, target: Values) -> list[CalibrationPoint]:
    """Tenths of the rows in the order of their probability."""
    order = np.argsort(probability, kind="stable")
    parts = [part for part in np.array_split(order, BINS) if len(part)]
    return [
        CalibrationPoint(float(probability[part].mean()), float(target[part].mean()), len(part))
        for part in parts
    ]


def _auc(probability: Values, target: Values) -> tuple[float, float]:
    """The area under the ROC curve and its standard error by DeLong's placement values."""
    from scipy.stats import rankdata

    positive, negative = probability[target == 1], probability[target == 0]
    m, n = len(positive), len(negative)
    together = rankdata(np.concatenate([positive, negative]))
    above = (together[:m] - rankdata(positive)) / n
    below = 1 - (together[m:] - rankdata(negative)) / m
    variance = sum(values.var(ddof=1) / len(values) for values in (above, below) if len(values) > 1)
    return float(above.mean()), float(np.sqrt(variance))
