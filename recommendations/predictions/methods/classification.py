"""Four families compete for a yes-or-no target; the champion is the one whose probabilities validate best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from .families import FAMILIES, Arrays, Classifier
from .histories import Values
from .tables import Encoding, Table
from .validation import (
    Calibration,
    CalibrationPoint,
    Fold,
    Metrics,
    auc,
    best_threshold,
    calibration_curve,
    metrics,
)

FEWEST_OF_EACH = 50
SHUFFLES = 3
Report = Callable[[int, int], None]


class TooFewExamplesError(ValueError):
    """One of the two outcomes is too rare to learn from."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One family in validation, each row judged by a model that was not fitted on it."""

    name: str
    metrics: Metrics
    curve: list[CalibrationPoint]


@dataclass(frozen=True, slots=True)
class Competition:
    """All families with the `champion`, and what each column is worth to it.

    `importance`: how much AUC is lost when the column's values are dealt out anew among the judged rows (Breiman 2001).
    """

    judged: dict[str, Judged]
    champion: str
    importance: dict[str, float]
    fill_rates: dict[str, float]
    calibration: Calibration


@dataclass(frozen=True, slots=True)
class Predictor:
    """A fitted classifier with the encoding of its columns and its calibration."""

    encoding: Encoding
    classifier: Classifier
    calibration: Calibration

    def probability(self, table: Table) -> Values:
        """The calibrated probability, a value a row."""
        return self.calibration.apply(self.classifier.probability(self.encoding.matrix(table)))

    def stored(self) -> tuple[Arrays, dict[str, Any]]:
        """Arrays and metadata from which `from_stored` makes the same predictor."""
        correction = [self.calibration.slope, self.calibration.intercept]
        metadata = {
            "family": self.classifier.name,
            "calibration": correction,
            "encoding": self.encoding.as_json(),
        }
        return self.classifier.arrays(), metadata

    @classmethod
    def from_stored(cls, arrays: Arrays, metadata: dict[str, Any]) -> Predictor:
        """What `stored` gave."""
        return cls(
            encoding=Encoding.from_json(metadata["encoding"]),
            classifier=FAMILIES[metadata["family"]].from_arrays(arrays),
            calibration=Calibration(*metadata["calibration"]),
        )


def compete(
    table: Table, target: Values, folds: Sequence[Fold], *, report: Report | None = None
) -> Competition:
    """Judge every family on `folds`; the lowest log loss of calibrated probabilities wins.

    Calibration and threshold of a fold come from the other folds' judged rows. Raises `TooFewExamplesError` under 50
    of either outcome.
    """
    require_enough(target)
    if any(len(np.unique(target[rows])) < 2 for fold in folds for rows in fold):
        raise TooFewExamplesError("not enough data: in a part of the time there is only one outcome")
    judged, raw, fitted = {}, {}, {}
    for done, (name, family) in enumerate(FAMILIES.items()):
        if report is not None:
            report(done, len(FAMILIES))
        models = [_fit(family, table.rows(learn), target[learn]) for learn, _ in folds]
        found = [model.probability(table.rows(test)) for model, (_, test) in zip(models, folds, strict=True)]
        judged[name] = _judge(name, found, [target[test] for _, test in folds])
        raw[name], fitted[name] = np.concatenate(found), models
    champion = min(judged, key=lambda name: judged[name].metrics.log_loss)
    outcomes = np.concatenate([target[test] for _, test in folds])
    return Competition(
        judged=judged,
        champion=champion,
        importance=_importance(table, target, folds, fitted[champion]),
        fill_rates=table.fill_rates(),
        calibration=Calibration.of(raw[champion], outcomes),
    )


def fit(table: Table, target: Values, competition: Competition) -> Predictor:
    """Fit the champion on all rows, with the calibration that validation gave."""
    model = _fit(FAMILIES[competition.champion], table, target)
    return Predictor(model.encoding, model.classifier, competition.calibration)


def require_enough(target: Values) -> None:
    """Raise `TooFewExamplesError` under 50 of either outcome."""
    for outcome, name in ((1, "positive"), (0, "negative")):
        found = int((target == outcome).sum())
        if found < FEWEST_OF_EACH:
            raise TooFewExamplesError(f"not enough data: {found} of {FEWEST_OF_EACH} {name} rows")


def _fit(family: type[Classifier], table: Table, target: Values) -> Predictor:
    encoding = Encoding.of(table)
    with threadpool_limits(limits=1):
        fitted = family.fit(encoding.matrix(table), target)
    return Predictor(encoding, fitted, Calibration(1.0, 0.0))


def _judge(name: str, found: Sequence[Values], actual: Sequence[Values]) -> Judged:
    """Correct each fold by what the others show (a single one by itself), then judge all rows together."""
    corrected, called = [], []
    for at in range(len(found)):
        others = [fold for fold in range(len(found)) if fold != at] or [at]
        seen, outcome = (np.concatenate([values[fold] for fold in others]) for values in (found, actual))
        calibration = Calibration.of(seen, outcome)
        corrected.append(calibration.apply(found[at]))
        called.append(corrected[-1] >= best_threshold(calibration.apply(seen), outcome))
    probability, target = np.concatenate(corrected), np.concatenate(actual)
    judged = metrics(probability, target, np.concatenate(called))
    return Judged(name, judged, calibration_curve(probability, target))


def _importance(
    table: Table, target: Values, folds: Sequence[Fold], models: Sequence[Predictor]
) -> dict[str, float]:
    generator = np.random.default_rng(1)
    outcomes = np.concatenate([target[test] for _, test in folds])
    parts = [table.rows(test) for _, test in folds]

    def judged(changed: Sequence[Table]) -> float:
        found = [model.probability(part) for model, part in zip(models, changed, strict=True)]
        return auc(np.concatenate(found), outcomes)

    def lost(name: str) -> float:
        shuffled = [judged([part.shuffled(name, generator) for part in parts]) for _ in range(SHUFFLES)]
        return whole - float(np.mean(shuffled))

    whole = judged(parts)
    return {name: lost(name) for name in table.columns}
