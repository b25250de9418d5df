"""A new predictor against the one in use, on customers whom neither has learned from.

One customer in five is never learned from, by any version, chosen by their id alone. So the stored file of the one in
use and the new model, as they would be put to work, are asked about the same rows as of the same days.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings

from common.figures import money
from recommendations.engines import artefacts
from recommendations.evaluation.bootstrap import Difference
from recommendations.gate import duel
from recommendations.predictions.features import Known
from recommendations.predictions.methods.classification import Predictor
from recommendations.predictions.methods.histories import Integers, Purchases, Values
from recommendations.predictions.methods.lifetime_value import LifetimeValueModel, top_capture
from recommendations.predictions.methods.validation import SMALLEST
from recommendations.predictions.models import PredictionVersion

ONE_IN = 5
APART = "kept_apart"
CAPTURE_RESAMPLES = 200
_SPREAD = np.uint64(0x9E37_79B9_7F4A_7C15)  # 2^64 ÷ golden ratio: neighbouring ids fall far from each other
_WHOM = ", whom neither has learned from,"
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether the challenger may take the place, in a sentence, and what is stored of it."""

    is_passed: bool
    sentence: str
    metrics: Mapping[str, Any]


def kept_apart(customers: Integers) -> Mask:
    """Which of these customers (ids) no version learns from."""
    mixed = customers.astype(np.uint64) * _SPREAD  # wraps around
    found: Mask = (mixed >> np.uint64(32)) % np.uint64(ONE_IN) == 0
    return found


def without_those_apart(purchases: Purchases) -> Purchases:
    """What those bought who are learned from."""
    return _of(purchases, ~kept_apart(purchases.customers))


def judge_probabilities(
    current: PredictionVersion | None, *, ours: Predictor, known: Known, outcomes: Values
) -> Answer:
    """Log loss on rows of customers kept apart, a mean for each customer, against the one in use."""

    def ask(rival: PredictionVersion) -> Answer:
        theirs = Predictor.from_stored(*_stored(rival))
        share = float(outcomes.mean()) if len(outcomes) else 0.5
        found = duel(
            rival=str(rival),
            measure="log loss",
            ours=-_mean_losses(ours.probability(known.table), outcomes, known.customers),
            theirs=-_mean_losses(theirs.probability(known.table), outcomes, known.customers),
            scale=float(_losses(np.full(1, share), np.ones(1))[0] * share)
            + float(_losses(np.full(1, share), np.zeros(1))[0] * (1 - share)),
            whom=_WHOM,
        )
        return Answer(found.is_passed, found.sentence(), {"against_champion": found.as_json()})

    return _answer(current, ask)


def judge_lifetime_values(
    current: PredictionVersion | None,
    *,
    ours: LifetimeValueModel,
    known: Purchases,
    spent: Purchases,
    as_of: int,
    weeks: float,
) -> Answer:
    """Mean error of spend, and what share of it the fifth predicted highest made, against the one in use.

    `known` is what the shop knew on the day `as_of`, `spent` what came in the `weeks` after it. The error decides; by
    the share, whose interval is wide, a challenger only loses where it is shown to be worse.
    """
    asked = _of(known, kept_apart(known.customers))

    def ask(rival: PredictionVersion) -> Answer:
        predicted = ours.predict(asked, as_of=as_of, weeks=weeks)
        before = LifetimeValueModel.from_stored(*_stored(rival)).predict(asked, as_of=as_of, weeks=weeks)
        actual = spent.spent_by(predicted.customers)
        errors = [np.abs(one.spend - actual) for one in (predicted, before)]
        found = duel(
            rival=str(rival),
            measure="mean error",
            ours=-errors[0],
            theirs=-errors[1],
            scale=float(errors[1].mean()) if len(actual) else 0.0,
            whom=_WHOM,
        )
        capture = capture_difference(predicted.spend, before.spend, actual)
        sentence = f"{found.sentence(_money)} {_capture_sentence(capture)}"
        metrics = {"against_champion": found.as_json(), "capture_against_champion": capture.as_json()}
        return Answer(found.is_passed and capture.verdict != "worse", sentence, metrics)

    return _answer(current, ask)


def capture_difference(ours: Values, theirs: Values, actual: Values) -> Difference:
    """How much more of all spend lies with the fifth that `ours` predicts highest: paired bootstrap over customers."""
    if not len(actual):
        return Difference(0.0, 0.0, 0.0, 0.95)
    generator = np.random.default_rng(1)
    drawn = (generator.integers(0, len(actual), len(actual)) for _ in range(CAPTURE_RESAMPLES))
    found = [
        top_capture(ours[rows], actual[rows]) - top_capture(theirs[rows], actual[rows]) for rows in drawn
    ]
    low, high = np.quantile(found, [0.025, 0.975])
    mean = top_capture(ours, actual) - top_capture(theirs, actual)
    return Difference(round(mean, 6), round(float(low), 6), round(float(high), 6), 0.95)


def _answer(current: PredictionVersion | None, ask: Callable[[PredictionVersion], Answer]) -> Answer:
    if current is None:
        return Answer(True, "", {})
    if current.metrics.get(APART) != ONE_IN:
        why = "it has learned from all customers"
    else:
        try:
            return ask(current)
        except (OSError, artefacts.DamagedArtefactError) as error:
            why = f"its file cannot be read ({error})"
        except KeyError as error:
            why = f"it wants what is not known of customers any more ({error})"
    return Answer(True, f"It could not be held against {current}: {why}.", {})


def _stored(version: PredictionVersion) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
    return artefacts.load(settings.MODELS_DIR / version.artefact_path, sha256=version.artefact_sha256)


def _of(purchases: Purchases, kept: Mask) -> Purchases:
    return Purchases(purchases.customers[kept], purchases.days[kept], purchases.amounts[kept])


def _mean_losses(probability: Values, outcomes: Values, customers: Integers) -> Values:
    _, place, counts = np.unique(customers, return_inverse=True, return_counts=True)
    means: Values = np.bincount(place, weights=_losses(probability, outcomes)) / counts
    return means


def _losses(probability: Values, outcomes: Values) -> Values:
    clipped = np.clip(probability, SMALLEST, 1 - SMALLEST)
    losses: Values = -(outcomes * np.log(clipped) + (1 - outcomes) * np.log1p(-clipped))
    return losses


def _money(minor: float) -> str:
    return money(round(minor), settings.REPORTING_CURRENCY)


def _capture_sentence(difference: Difference) -> str:
    low, mean, high = (f"{value * 100:+.1f}" for value in (difference.low, difference.mean, difference.high))
    return (
        f"The fifth predicted highest spent {mean} points of everything more than that of the other "
        f"(95 % interval {low} to {high})."
    )
