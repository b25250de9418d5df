"""Who acts *because* of a mailing: a difference of two futures, learnt from a randomised experiment.

X-learner (Künzel, Sekhon, Bickel and Yu 2019): a model of the outcome in each arm; by how much each customer's outcome
differs from what the other arm's model expects of him; a model of that difference in each arm; their mean. Judged by
the Qini curve (Radcliffe 2007) on customers that the models had not seen, in five folds, dealt out five times.

The interval of the Qini coefficient is to hold for models learnt anew from other customers, not only for these: in
each deal it is Nadeau and Bengio's corrected t interval over the folds (2003), at 97.5 %; its ends, and the estimate,
are the medians over the deals, which makes 95 % that do not hang on one lucky deal (Chernozhukov, Demirer, Duflo and
Fernández-Val 2018). It is wide: where outcomes are rare it asks for a lot before it speaks of evidence.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri, stdtrit

from . import boosting
from .histories import Integers, Values
from .tables import Encoding, Table, is_text
from .validation import FOLDS, Fold, shuffled_folds

FEWEST_OF_EACH_ARM = 500
FEWEST_OUTCOMES = 50
DEALS = 5
SHUFFLES = 3
CONFIDENCE = 0.95
SUSPICIOUS = 0.01
OUTCOME_LEAF, EFFECT_LEAF = 300, 1000
OUTCOME: dict[str, Any] = {"learning_rate": 0.03, "num_leaves": 7}
EFFECT: dict[str, Any] = {"learning_rate": 0.03, "num_leaves": 4}
OUTCOME_ROUNDS, EFFECT_ROUNDS = 80, 60


Report = Callable[[int, int], None]


class TooFewTreatedError(ValueError):
    """An arm is too small, or too little happened in it."""


@dataclass(frozen=True, slots=True)
class Interval:
    """An estimate with the ends of its 95 % interval."""

    estimate: float
    low: float
    high: float

    @property
    def sentence(self) -> str:
        """The estimate and the ends, with three digits."""
        return f"{self.estimate:.3f} ({self.low:.3f} to {self.high:.3f})".replace("-", "−")


@dataclass(frozen=True, slots=True)
class UpliftJudgement:
    """`effect`: difference of the arms' rates. `qini`: 0 is as good as chance, 1 as good as knowing the outcomes.

    `curve`: how many more outcomes than without treatment, when the best 0, 10 … 100 % are treated. `columns`: of each
    the `importance`, how much of the Qini coefficient is lost when its values are dealt out anew among the judged
    (Breiman 2001), and the `fill_rate`.
    """

    treated: int
    control: int
    treated_rate: float
    control_rate: float
    effect: Interval
    qini: Interval
    curve: list[float]
    columns: dict[str, dict[str, float]]

    @property
    def has_evidence(self) -> bool:
        """Whether it is shown that the effect differs between people in the way that was predicted."""
        return self.qini.low > 0

    @property
    def verdict(self) -> str:
        """What it means."""
        if self.has_evidence:
            return (
                "The effect differs between people: mail those first for whom it is predicted to be largest."
            )
        return "There is no evidence that the effect differs between people: judge the mailing by its average effect."


@dataclass(frozen=True, slots=True)
class UpliftModel:
    """The two models of the effect, each learnt in one arm."""

    encoding: Encoding
    in_treated: boosting.Trees
    in_control: boosting.Trees

    def effect(self, table: Table) -> Values:
        """By how much treatment raises P(outcome), a value a row."""
        features = self.encoding.matrix(table)
        return (self.in_treated.predict(features) + self.in_control.predict(features)) / 2

    def stored(self) -> tuple[dict[str, npt.NDArray[Any]], dict[str, Any]]:
        """Arrays and metadata from which `from_stored` makes the same model."""
        texts = {"in_treated": self.in_treated.text, "in_control": self.in_control.text}
        arrays = {name: np.frombuffer(text.encode(), dtype=np.uint8) for name, text in texts.items()}
        return arrays, {"encoding": self.encoding.as_json()}

    @classmethod
    def from_stored(cls, arrays: Mapping[str, npt.NDArray[Any]], metadata: dict[str, Any]) -> UpliftModel:
        """What `stored` gave."""
        trees = [boosting.Trees(arrays[name].tobytes().decode()) for name in ("in_treated", "in_control")]
        return cls(Encoding.from_json(metadata["encoding"]), *trees)


def fit(table: Table, treated: Values, outcome: Values) -> UpliftModel:
    """Learn the effect of `treated` (0/1, assigned by chance) on `outcome` (0/1)."""
    encoding = Encoding.of(table)
    features = encoding.matrix(table)
    given = treated == 1
    smaller = int(min(given.sum(), (~given).sum()))
    parameters = {"objective": "binary", "min_data_in_leaf": min(OUTCOME_LEAF, smaller // 50), **OUTCOME}
    when, otherwise = (
        boosting.fit(features[arm], outcome[arm], rounds=OUTCOME_ROUNDS, **parameters)
        for arm in (given, ~given)
    )
    gained = outcome[given] - otherwise.predict(features[given])
    missed = when.predict(features[~given]) - outcome[~given]
    parameters = {"objective": "regression", "min_data_in_leaf": min(EFFECT_LEAF, smaller // 16), **EFFECT}
    return UpliftModel(
        encoding,
        boosting.fit(features[given], gained, rounds=EFFECT_ROUNDS, **parameters),
        boosting.fit(features[~given], missed, rounds=EFFECT_ROUNDS, **parameters),
    )


def evaluate(
    table: Table,
    treated: Values,
    outcome: Values,
    *,
    people: Integers | None = None,
    report: Report | None = None,
) -> UpliftJudgement:
    """Learn and judge in five folds, five times over; intervals of 95 %.

    `people` says whose each row is, where somebody may have several: all of these are dealt into one fold.
    Raises `TooFewTreatedError` under 500 customers or 50 outcomes in an arm.
    """
    require_enough(treated, outcome)
    strata = (2 * treated + outcome).astype(np.int64)
    found, intervals, importance = [], [], dict.fromkeys(table.columns, 0.0)
    for deal in range(DEALS):
        if report is not None:
            report(deal, DEALS)
        folds = _dealt(strata, people, seed=deal + 1)
        models = [fit(table.rows(learn), treated[learn], outcome[learn]) for learn, _ in folds]
        effects = np.zeros(len(treated))
        for model, (_, test) in zip(models, folds, strict=True):
            effects[test] = model.effect(table.rows(test))
        if deal == 0:
            importance = _importance(models, folds, table, treated, outcome)
        found.append(effects)
        each = [qini(effects[test], treated[test], outcome[test]) for _, test in folds]
        intervals.append(_over_folds(np.array(each)))
    filled = table.fill_rates()
    columns = {
        name: {"importance": round(worth, 6), "fill_rate": round(filled[name], 6)}
        for name, worth in importance.items()
    }
    return _judgement(found, intervals, treated, outcome, columns)


def _importance(
    models: Sequence[UpliftModel], folds: Sequence[Fold], table: Table, treated: Values, outcome: Values
) -> dict[str, float]:
    """How much of the Qini coefficient, as a mean over folds, goes with each column."""
    generator = np.random.default_rng(1)
    parts = [(model, table.rows(test), test) for model, (_, test) in zip(models, folds, strict=True)]

    def judged(model: UpliftModel, part: Table, test: Integers) -> float:
        return qini(model.effect(part), treated[test], outcome[test])

    def without(name: str) -> float:
        drawn = [
            judged(model, part.shuffled(name, generator), test)
            for model, part, test in parts
            for _ in range(SHUFFLES)
        ]
        return float(np.mean(drawn))

    whole = float(np.mean([judged(*part) for part in parts]))
    return {name: whole - without(name) for name in table.columns}


def _dealt(strata: Integers, people: Integers | None, *, seed: int) -> list[Fold]:
    if people is None:
        return shuffled_folds(strata, seed=seed)
    _, first, whose = np.unique(people, return_index=True, return_inverse=True)
    folds = shuffled_folds(strata[first], seed=seed)
    return [
        (np.flatnonzero(np.isin(whose, learn)), np.flatnonzero(np.isin(whose, test))) for learn, test in folds
    ]


def qini(effects: Values, treated: Values, outcome: Values) -> float:
    """The area between the Qini curve and chance, as a share of that of the perfect order; needs both arms.

    The perfect order puts treated customers with the outcome first and untreated ones with it last (as scikit-uplift's
    `qini_auc_score`).
    """

    def area(scores: Values) -> float:
        positions, gains = qini_curve(scores, treated, outcome)
        return float(np.trapezoid(gains, positions) - gains[-1] * positions[-1] / 2)

    perfect = area(outcome * (2 * treated - 1))
    return area(effects) / perfect if perfect else 0.0


def qini_curve(effects: Values, treated: Values, outcome: Values) -> tuple[Values, Values]:
    """Number of customers, and outcomes gained among them: Y_T − Y_C · N_T / N_C, highest effects first, from (0, 0).

    Customers with the same effect are one step.
    """
    order = np.argsort(-effects, kind="stable")
    given, happened, scores = treated[order], outcome[order], effects[order]
    steps = np.append(np.flatnonzero(np.diff(scores)), len(scores) - 1)
    reached = (steps + 1).astype(np.float64)
    with_it = np.cumsum(given)[steps]
    without = reached - with_it
    gained = np.cumsum(happened * given)[steps]
    anyway = np.cumsum(happened * (1 - given))[steps]
    scaled = anyway * np.divide(with_it, without, out=np.zeros_like(with_it), where=without > 0)
    return np.append(0.0, reached), np.append(0.0, gained - scaled)


def after_treatment(table: Table, treated: Values) -> list[str]:
    """Numeric columns whose mean differs between the arms (Welch, 1 % after Bonferroni): measured afterwards, it seems.

    Where treatment is given by chance, nothing known before can differ; what came of it would give the outcome away.
    """
    numbers = {name: values for name, values in table.columns.items() if not is_text(values)}
    limit = -float(ndtri(SUSPICIOUS / 2 / max(len(numbers), 1)))
    return [name for name, values in numbers.items() if _distance(values, treated == 1) > limit]


def _distance(values: Any, given: Any) -> float:
    with_it, without = (part[~np.isnan(part)] for part in (values[given], values[~given]))
    if min(len(with_it), len(without)) < 2:
        return 0.0
    error = np.sqrt(with_it.var(ddof=1) / len(with_it) + without.var(ddof=1) / len(without))
    return float(abs(with_it.mean() - without.mean()) / error) if error > 0 else 0.0


def _over_folds(values: Values) -> Interval:
    """Mean over folds, and the t interval with the variance of folds that share what they learn from."""
    mean = float(values.mean())
    variance = float(values.var(ddof=1)) * (1 / FOLDS + 1 / (FOLDS - 1))
    reach = -float(stdtrit(FOLDS - 1, (1 - CONFIDENCE) / 4)) * variance**0.5
    return Interval(mean, mean - reach, mean + reach)


def _judgement(
    found: Sequence[Values],
    intervals: Sequence[Interval],
    treated: Values,
    outcome: Values,
    columns: dict[str, dict[str, float]],
) -> UpliftJudgement:
    given = treated == 1
    rate, without = float(outcome[given].mean()), float(outcome[~given].mean())
    error = np.sqrt(rate * (1 - rate) / given.sum() + without * (1 - without) / (~given).sum())
    reach = float(ndtri((1 + CONFIDENCE) / 2) * error)
    at = np.linspace(0, len(treated), 11)
    curves = [np.interp(at, *qini_curve(effects, treated, outcome)) for effects in found]
    estimate, low, high = np.median([[one.estimate, one.low, one.high] for one in intervals], axis=0)
    return UpliftJudgement(
        treated=int(given.sum()),
        control=int((~given).sum()),
        treated_rate=rate,
        control_rate=without,
        effect=Interval(rate - without, rate - without - reach, rate - without + reach),
        qini=Interval(float(estimate), float(low), float(high)),
        curve=np.mean(curves, axis=0).round(3).tolist(),
        columns=columns,
    )


def require_enough(treated: Values, outcome: Values) -> None:
    """Raise `TooFewTreatedError` under 500 customers or 50 outcomes in an arm, or with nothing but outcomes."""
    for arm, name in ((1, "treated"), (0, "control")):
        members = treated == arm
        if members.sum() < FEWEST_OF_EACH_ARM:
            raise TooFewTreatedError(
                f"not enough data: {int(members.sum())} of {FEWEST_OF_EACH_ARM} {name} customers"
            )
        happened = int(outcome[members].sum())
        if happened < FEWEST_OUTCOMES:
            raise TooFewTreatedError(
                f"not enough data: {happened} of {FEWEST_OUTCOMES} outcomes among the {int(members.sum())} "
                f"{name} customers"
            )
        if happened == members.sum():
            raise TooFewTreatedError(f"not enough data: all {happened} {name} customers have the outcome")
