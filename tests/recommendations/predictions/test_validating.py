"""Folds, metrics and calibration against hand-counted values and scikit-learn."""

import numpy as np
import pytest
from sklearn import metrics as reference

from recommendations.predictions.methods.validation import (
    Calibration,
    best_threshold,
    calibration_curve,
    metrics,
    shuffled_folds,
    time_ordered_folds,
)


def sample(rows: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities with ties, and what came of them."""
    rng = np.random.default_rng(8)
    probability = rng.beta(2, 5, rows).round(2)
    return probability, (rng.random(rows) < probability).astype(np.float64)


def test_metrics_are_those_of_scikit_learn() -> None:
    probability, target = sample()
    called = probability >= 0.4
    found = metrics(probability, target, called)
    assert found.auc == pytest.approx(reference.roc_auc_score(target, probability))
    assert found.brier == pytest.approx(reference.brier_score_loss(target, probability))
    assert found.log_loss == pytest.approx(reference.log_loss(target, np.clip(probability, 1e-6, 1)))
    assert found.precision == pytest.approx(reference.precision_score(target, called))
    assert found.recall == pytest.approx(reference.recall_score(target, called))
    assert found.f1 == pytest.approx(reference.f1_score(target, called))


def test_the_interval_of_the_auc_covers_as_often_as_it_says() -> None:
    rng = np.random.default_rng(2)
    covered = 0
    for _ in range(300):
        target = np.repeat([1.0, 0.0], [60, 140])
        found = metrics(rng.normal(target, 1), target, target == 1)
        covered += found.auc_low <= 0.76025 <= found.auc_high  # Φ(1/√2)
    assert 276 <= covered <= 294


def test_nothing_called_positive_is_a_precision_of_zero() -> None:
    probability, target = sample()
    found = metrics(probability, target, probability > 2)
    assert (found.precision, found.recall, found.f1) == (0.0, 0.0, 0.0)


def test_the_best_threshold_takes_ties_together() -> None:
    probability, target = np.array([0.9, 0.5, 0.5, 0.2]), np.array([1.0, 1.0, 0.0, 0.0])
    assert best_threshold(probability, target) == 0.5


def test_each_fold_has_its_share_of_positives_and_every_row_is_judged_once() -> None:
    strata = np.repeat([0, 1], [90, 10])
    folds = shuffled_folds(strata)
    assert [int(strata[test].sum()) for _, test in folds] == [2] * 5
    assert sorted(np.concatenate([test for _, test in folds]).tolist()) == list(range(100))
    assert all(not set(learn) & set(test) for learn, test in folds)


def test_time_ordered_folds_learn_only_from_earlier_moments() -> None:
    moments = np.repeat([1, 2, 3], [50, 30, 20])
    folds = time_ordered_folds(moments)
    assert [(len(learn), len(test)) for learn, test in folds] == [(50, 30), (80, 20)]
    assert all(moments[learn].max() < moments[test].min() for learn, test in folds)


def test_rows_of_one_moment_cannot_be_validated_in_time() -> None:
    with pytest.raises(ValueError, match="at least two moments"):
        time_ordered_folds(np.ones(10))


def test_calibration_mends_probabilities_that_are_too_sure() -> None:
    probability, target = sample(20_000)
    odds = np.log(probability.clip(0.01, 0.99) / (1 - probability.clip(0.01, 0.99)))
    found = Calibration.of(1 / (1 + np.exp(-(2 * odds + 1))), target)
    assert found.slope == pytest.approx(0.5, abs=0.03)
    assert found.intercept == pytest.approx(-0.5, abs=0.06)


def test_the_calibration_curve_has_a_point_a_tenth() -> None:
    probability, target = sample()
    curve = calibration_curve(probability, target)
    assert [point.rows for point in curve] == [200] * 10
    assert curve[0].predicted < curve[-1].predicted
    assert sum(point.happened * point.rows for point in curve) == pytest.approx(target.sum())
