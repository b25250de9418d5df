"""Training a predictor: read as of past cut-offs, judge in time, put into use unless it is worse, score everybody."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings
from django.db import transaction

from common import clock
from common.figures import money
from common.money import exponent
from recommendations import drift, leases
from recommendations.engines import artefacts
from recommendations.evaluation.bootstrap import paired_difference
from recommendations.external.models import ExternalModel
from recommendations.predictions import gating, registry, uplift
from recommendations.predictions.features import LABELS, Known, features_in_parts, read_features
from recommendations.predictions.methods import lifetime_value
from recommendations.predictions.methods.classification import (
    FEWEST_OF_EACH,
    Competition,
    Predictor,
    TooFewExamplesError,
    compete,
    fit,
)
from recommendations.predictions.methods.drift import Watch, profile
from recommendations.predictions.methods.histories import Integers, Purchases, Values, histories
from recommendations.predictions.methods.lifetime_value import LifetimeValueModel, TooLittleHistoryError
from recommendations.predictions.methods.tables import Texts
from recommendations.predictions.methods.uplift import TooFewTreatedError
from recommendations.predictions.methods.validation import shuffled_folds, time_ordered_folds
from recommendations.predictions.models import PredictionVersion
from recommendations.predictions.purchases import DAY_SECONDS, day_of, read_purchases
from recommendations.predictions.scores import store_scores
from recommendations.predictions.targets import TARGETS, Target, read_outcomes
from recommendations.predictions.uplift import UPLIFT

LTV = "ltv"
SCORE = "score"
LTV_DAYS = 365
LTV_LABEL = "Lifetime value"
COLUMN_LABELS = {
    **LABELS,
    SCORE: "Scores",
    "purchases": "Days with a purchase",
    "value": "Mean value of a day with a purchase",
    "since_purchase": "Days since the last purchase",
}
KINDS = (LTV, *TARGETS, UPLIFT)
_LABELS = {LTV: LTV_LABEL, UPLIFT: uplift.ORDERED.label} | {kind: one.label for kind, one in TARGETS.items()}
CUT_OFFS = 3
FEWEST_BUYERS = 500
MOST_ROWS = 100_000
TELLING_FIELDS = 5
"""Of whose drift alerts are raised, beside that of the scores: as many fields, the most important first."""
Columns = Mapping[str, Values | Texts]
Report = Callable[[str, int, int], None]
Status = PredictionVersion.Status


@dataclass(frozen=True, slots=True)
class Examples:
    """Who was known as of which moment (seconds since 1970), and what came of it; a row each."""

    known: Known
    outcomes: Values
    moments: Integers

    def only(self, wanted: npt.NDArray[np.bool_]) -> Examples:
        """Those rows."""
        return Examples(self.known.only(wanted), self.outcomes[wanted], self.moments[wanted])

    def joined(self, other: Examples) -> Examples:
        """These rows, then those of the other."""
        return Examples(
            self.known.joined(other.known),
            np.concatenate([self.outcomes, other.outcomes]),
            np.concatenate([self.moments, other.moments]),
        )


class NotEnoughDataError(Exception):
    """There is too little history for an honest model."""


TOO_LITTLE = (NotEnoughDataError, TooFewExamplesError, TooLittleHistoryError, TooFewTreatedError)


def train(kind: str, *, now: datetime, report: Report | None = None, asked_as: str = "") -> PredictionVersion:
    """Train the predictor of `kind` on what happened before `now` and, if it may be used, score everybody.

    `report(stage, done, total)` is called as it goes on; `asked_as` is the task that asked. Raises
    `leases.TrainingBusyError` where a training is under way or that task has had its own,
    `leases.TrainingStoppedError` where this one was cancelled.
    """
    version = leases.begin(PredictionVersion(kind=kind, data_until=now, asked_as=asked_as))

    def tell(stage: str, done: int, total: int) -> None:
        leases.renew(version)
        if report is not None:
            report(stage, done, total)

    try:
        with leases.heartbeat(version):
            judged = {LTV: _train_ltv, UPLIFT: uplift.learn}.get(kind, _train_target)
            may_be_used, verdict = judged(version, now, tell)
            leases.finish(version, Status.CHAMPION if may_be_used else Status.REJECTED, verdict=verdict)
    except TOO_LITTLE as error:
        leases.finish(version, Status.WAITING, verdict=_sentence(str(error)))
    except leases.TrainingStoppedError:
        raise
    except Exception as error:
        leases.fail(version, error)
        raise
    if version.status == Status.CHAMPION:
        refresh_scores(kind, now=now)
    return version


def refresh_scores(kind: str, *, now: datetime) -> int:
    """Score everybody anew by the version in use, as of `now`; return how many scores were stored or removed.

    None are stored while a model elsewhere serves this kind.
    """
    version = registry.champion(kind)
    if version is None:
        return 0
    arrays, metadata = artefacts.load(
        settings.MODELS_DIR / version.artefact_path, sha256=version.artefact_sha256
    )
    watch = Watch(version.metrics.get("profiles", {}))
    customers, scores = [np.zeros(0, dtype=np.int64)], [np.zeros(0)]
    for asked, values, columns in _scored(kind, arrays, metadata, now):
        watch.add({**columns, SCORE: values})
        customers.append(asked)
        scores.append(values)
    _note_drift(version, watch.indices(), now)
    with transaction.atomic():
        if ExternalModel.objects.holds(kind):
            return 0
        return store_scores(
            kind=kind,
            customers=np.concatenate(customers),
            values=np.concatenate(scores),
            version=str(version),
            now=clock.now(),
        )


def _scored(
    kind: str, arrays: dict[str, npt.NDArray[Any]], metadata: dict[str, Any], now: datetime
) -> Iterator[tuple[Integers, Values, Columns]]:
    """Customers with their scores and what these were made from, in parts, so that a million take no more memory."""
    if kind == LTV:
        model, purchases = LifetimeValueModel.from_stored(arrays, metadata), read_purchases(until=now)
        yield *_lifetime_values(model, purchases, as_of=now), _pasts(purchases, as_of=now)
    elif kind == UPLIFT:
        for known, values in uplift.effects(arrays, metadata, now=now):
            yield known.customers, values, known.table.columns
    else:
        predictor = Predictor.from_stored(arrays, metadata)
        for everybody in features_in_parts(as_of=now):
            known = _asked(TARGETS[kind], everybody)
            if len(known.customers):
                yield known.customers, predictor.probability(known.table), known.table.columns


def _note_drift(version: PredictionVersion, indices: Mapping[str, float], now: datetime) -> None:
    """Keep how far today's fields and scores lie from those that the version learnt from; alert where they lie far.

    Of the fields only the most important ones alert.
    """
    if "profiles" not in version.metrics:
        return
    found = {name: round(index, 4) for name, index in indices.items()}
    version.metrics["drift"] = {"as_of": now.isoformat(), "columns": found}
    version.save(update_fields=["metrics"])
    worth = version.metrics.get("columns", {})
    telling = sorted(worth, key=lambda name: -worth[name]["importance"])[:TELLING_FIELDS] or [*found]
    label = _LABELS[version.kind]
    drift.tell(
        version.kind,
        title=f"Customers are not those that {label.lower()} was learnt from",
        far=drift.far({name: found[name] for name in found if name in (*telling, SCORE)}, COLUMN_LABELS),
        where=f"Recommendations, Predictions, {label}",
    )


def _train_target(version: PredictionVersion, now: datetime, tell: Report) -> tuple[bool, str]:
    everybody = _examples(TARGETS[version.kind], now, tell)
    apart = gating.kept_apart(everybody.known.customers)
    learnt, asked = everybody.only(~apart), everybody.only(apart)
    table, outcomes, moments = learnt.known.table, learnt.outcomes, learnt.moments
    folds = (
        time_ordered_folds(moments)
        if len(np.unique(moments)) > 1
        else shuffled_folds(outcomes.astype(np.int64))
    )
    competition = compete(table, outcomes, folds, report=lambda done, total: tell("compete", done, total))
    tell("learn", 0, 1)
    predictor = fit(table, outcomes, competition)
    version.family = competition.champion
    version.metrics = _report_card(competition, moments=np.unique(moments).tolist(), rows=len(outcomes))
    columns = {**table.columns, SCORE: predictor.probability(table)}
    version.metrics["profiles"] = {name: profile(values) for name, values in columns.items()}
    arrays, metadata = predictor.stored()
    _store(version, dict(arrays), metadata)
    current = registry.champion(version.kind)
    answer = gating.judge_probabilities(current, ours=predictor, known=asked.known, outcomes=asked.outcomes)
    version.metrics |= answer.metrics
    return _verdict(version, competition, answer)


def _examples(target: Target, now: datetime, tell: Report) -> Examples:
    """Rows of up to three cut-offs, the oldest first, so far apart that no outcome reaches into the next one's past."""
    parts = []
    for back in range(CUT_OFFS, 0, -1):
        tell("read", CUT_OFFS - back, CUT_OFFS)
        cut_off = now - timedelta(days=target.days * back)
        known = _asked(target, read_features(as_of=cut_off))
        if back == 1:
            _require_enough(target, known)
        known, outcomes = sampled(known, read_outcomes(target, known, as_of=cut_off))
        if len(np.unique(outcomes)) == 2:
            moments = np.full(len(outcomes), int(cut_off.timestamp()))
            parts.append(Examples(known, outcomes, moments))
    if not parts:
        raise TooFewExamplesError("not enough data: everybody did the same")
    return reduce(Examples.joined, parts)


def _asked(target: Target, known: Known) -> Known:
    return known.only(target.asked_of(known))


def sampled(known: Known, outcomes: Values) -> tuple[Known, Values]:
    """At most `MOST_ROWS`, with the same share of either outcome, so that probabilities stay what they are.

    There are more only where the rarer outcome would be left with too few to learn from.
    """
    by_outcome = [np.flatnonzero(outcomes == one) for one in (0, 1)]
    rarest = min(map(len, by_outcome))
    share = max(MOST_ROWS / max(len(outcomes), 1), FEWEST_OF_EACH / max(rarest, 1))
    if share >= 1:
        return known, outcomes
    generator = np.random.default_rng(1)
    parts = [generator.choice(rows, round(share * len(rows)), replace=False) for rows in by_outcome]
    chosen = np.sort(np.concatenate(parts))
    return known.only(chosen), outcomes[chosen]


def _require_enough(target: Target, known: Known) -> None:
    who = "customers who were mailed" if target.needs == "mails" else "buyers"
    counted = "mails_90" if target.needs == "mails" else "orders"
    found = int((known.table.columns[counted].astype(np.float64) > 0).sum())
    if found < FEWEST_BUYERS:
        raise NotEnoughDataError(f"not enough data: {found} of {FEWEST_BUYERS} {who}")


def _verdict(version: PredictionVersion, competition: Competition, answer: gating.Answer) -> tuple[bool, str]:
    """Better than chance on days that it had not learnt from, and not worse than the version in use."""
    ours = competition.judged[competition.champion].metrics
    unseen = "days" if len(version.metrics["moments"]) > 1 else "customers"
    said = f"AUC {ours.auc:.3f} ({ours.auc_low:.3f} to {ours.auc_high:.3f}) on {unseen} that it had not learnt from."
    if ours.auc_low <= 0.5:
        return False, f"It is not shown to be better than chance: {said}"
    return answer.is_passed, f"{said} {answer.sentence}".strip()


def _report_card(competition: Competition, *, moments: list[int], rows: int) -> dict[str, object]:
    champion = competition.judged[competition.champion]
    return {
        "rows": rows,
        gating.APART: gating.ONE_IN,
        "moments": moments,
        **champion.metrics.as_json(),
        "families": {name: judged.metrics.as_json() for name, judged in competition.judged.items()},
        "curve": [asdict(point) for point in champion.curve],
        "columns": {
            name: {"importance": round(worth, 6), "fill_rate": round(competition.fill_rates[name], 6)}
            for name, worth in competition.importance.items()
        },
    }


def _train_ltv(version: PredictionVersion, now: datetime, tell: Report) -> tuple[bool, str]:
    tell("read", 0, 1)
    purchases, until = read_purchases(until=now), day_of(now)
    buyers = len(np.unique(purchases.customers))
    if buyers < FEWEST_BUYERS:
        raise NotEnoughDataError(f"not enough data: {buyers} of {FEWEST_BUYERS} buyers")
    window = min(LTV_DAYS, int(until - purchases.days.min()) // 2)
    as_of = until - window
    tell("compete", 0, 2)
    known = read_purchases(until=datetime.fromtimestamp(as_of * DAY_SECONDS, UTC))
    learnt = gating.without_those_apart(known)
    judged_model = lifetime_value.fit(learnt, as_of=as_of, weeks=window / 7)
    predicted = judged_model.predict(known, as_of=as_of, weeks=window / 7)
    actual = purchases.between(as_of, until).spent_by(predicted.customers)
    judged = lifetime_value.judge(predicted, actual)
    naive = _as_before(known, as_of=as_of, weeks=window / 7)
    gain = paired_difference(np.abs(naive - actual), np.abs(predicted.spend - actual))
    tell("learn", 1, 2)
    model = lifetime_value.fit(gating.without_those_apart(purchases), as_of=until, weeks=LTV_DAYS / 7)
    arrays, metadata = model.stored()
    _store(version, arrays, metadata)
    version.family = "pareto_nbd"
    learnt_from = {**_pasts(purchases, as_of=now), SCORE: _lifetime_values(model, purchases, as_of=now)[1]}
    current = registry.champion(LTV)
    answer = gating.judge_lifetime_values(
        current,
        ours=model,
        known=known,
        spent=purchases.between(as_of, until),
        as_of=as_of,
        weeks=window / 7,
    )
    version.metrics = {
        **asdict(judged),
        "window_days": window,
        "gain": gain.as_json(),
        gating.APART: gating.ONE_IN,
        "profiles": {name: profile(values) for name, values in learnt_from.items()},
        **answer.metrics,
    }
    error = money(round(judged.mae), settings.REPORTING_CURRENCY)
    verdict = (
        f"In the last {window} days the mean error was {error}, and the fifth predicted highest spent "
        f"{judged.capture:.0%} of everything."
    )
    if gain.verdict == "worse" or (current is None and gain.verdict != "better"):
        return False, f"It is not shown to be better than to expect everybody to go on as before. {verdict}"
    return answer.is_passed, f"{verdict} {answer.sentence}".strip()


def _as_before(purchases: Purchases, *, as_of: int, weeks: float) -> Values:
    past = histories(purchases, as_of=as_of)
    return past.mean_value * past.purchases / np.maximum(past.age, 1.0) * weeks


def _pasts(purchases: Purchases, *, as_of: datetime) -> Columns:
    past = histories(purchases, as_of=day_of(as_of))
    return {
        "purchases": past.purchases,
        "value": past.mean_value,
        "since_purchase": (past.age - past.last) * 7,
    }


def _lifetime_values(
    model: LifetimeValueModel, purchases: Purchases, *, as_of: datetime
) -> tuple[Integers, Values]:
    """What buyers will spend within twelve months, in whole units of the reporting currency."""
    found = model.predict(purchases, as_of=day_of(as_of), weeks=LTV_DAYS / 7)
    return found.customers, found.spend / 10 ** exponent(settings.REPORTING_CURRENCY)


def _store(version: PredictionVersion, arrays: dict[str, npt.NDArray[Any]], metadata: dict[str, Any]) -> None:
    path = settings.MODELS_DIR / f"prediction-{version}.npz"
    version.artefact_sha256 = artefacts.save(path, arrays=arrays, metadata=metadata)
    version.artefact_path = path.name


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
