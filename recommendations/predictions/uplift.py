"""Who orders because of a mail: learnt from our own campaigns that held some of their customers back.

The score is by how much a mail raises the chance of an order in the seven days after it, −1 to 1. It is stored, and
so stands in conditions, only while the Qini interval shows that the effect differs between people: otherwise an order
by it would be an order by chance, and the average effect is all that there is to say.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

import numpy as np
from django.conf import settings
from django.db import transaction

from common import clock
from customers.models import Consent
from recommendations.engines import artefacts
from recommendations.external.models import ExternalModel
from recommendations.predictions.features import Known, features_in_parts, read_features
from recommendations.predictions.methods import uplift as method
from recommendations.predictions.methods.drift import profile
from recommendations.predictions.methods.histories import Integers, Values
from recommendations.predictions.methods.uplift import (
    FEWEST_OF_EACH_ARM,
    FEWEST_OUTCOMES,
    TooFewTreatedError,
    UpliftJudgement,
    UpliftModel,
)
from recommendations.predictions.models import PredictionVersion
from recommendations.predictions.scores import store_scores
from recommendations.predictions.targets import Target, read_outcomes
from recommendations.predictions.trials import MailTrial, evened, mail_trials

DAYS = 7
MOST_TRIALS = 12
HISTORY = timedelta(days=365)
ORDERED = Target(
    kind="uplift",
    label="Effect of a mail",
    question="By how much does a mail raise the chance that the customer orders in the next 7 days?",
    days=DAYS,
    event="order",
)
UPLIFT = ORDERED.kind
Report = Callable[[str, int, int], None]
Status = PredictionVersion.Status


def learn(version: PredictionVersion, now: datetime, tell: Report) -> tuple[bool, str]:
    """Judge on the trials of the last year what a mail does; return whether it may be used, and why.

    Without evidence that the effect differs, the version in use and all scores are withdrawn. Raises
    `TooFewTreatedError`.
    """
    trials = mail_trials(since=now - HISTORY, until=now - timedelta(days=DAYS))[-MOST_TRIALS:]
    _require_enough(trials)
    known, treated, outcome = _examples(evened(trials), tell)
    _require_outcomes(treated, outcome)
    judged = method.evaluate(
        known.table,
        treated,
        outcome,
        people=known.customers,
        report=lambda done, total: tell("compete", done, total),
    )
    tell("learn", 0, 1)
    names = [one.name for one in trials]
    version.family = "x_learner"
    version.metrics = {**asdict(judged), "days": DAYS, "trials": names, "rows": len(treated)}
    if not judged.has_evidence:
        _withdraw()
        return False, _verdict(judged, len(trials))
    model = method.fit(known.table, treated, outcome)
    learnt = {**known.table.columns, "score": model.effect(known.table)}
    version.metrics["profiles"] = {name: profile(values) for name, values in learnt.items()}
    path = settings.MODELS_DIR / f"prediction-{version}.npz"
    arrays, metadata = model.stored()
    version.artefact_sha256 = artefacts.save(path, arrays=arrays, metadata=metadata)
    version.artefact_path = path.name
    return True, _verdict(judged, len(trials))


def effects(
    arrays: dict[str, Any], metadata: dict[str, Any], *, now: datetime
) -> Iterator[tuple[Known, Values]]:
    """What a mail would do now to each customer who allows marketing mail, by a stored model; in parts."""
    model = UpliftModel.from_stored(arrays, metadata)
    consents = Consent.objects.filter(purpose=Consent.Purpose.MARKETING_EMAIL, is_granted=True)
    consenting = np.fromiter(consents.values_list("customer_id", flat=True).iterator(), dtype=np.int64)
    for everybody in features_in_parts(as_of=now):
        known = everybody.only(np.isin(everybody.customers, consenting))
        if len(known.customers):
            yield known, model.effect(known.table)


def _examples(trials: Sequence[MailTrial], tell: Report) -> tuple[Known, Values, Values]:
    """Each trial's customers as they were known at its launch, whether they were mailed, whether they ordered."""
    parts: list[tuple[Known, Values, Values]] = []
    for number, trial in enumerate(trials):
        tell("read", number, len(trials))
        known = read_features(as_of=trial.launched_at)
        known = known.only(np.isin(known.customers, trial.customers))
        mailed = trial.is_mailed[np.searchsorted(trial.customers, known.customers)]
        ordered = read_outcomes(ORDERED, known, as_of=trial.launched_at)
        parts.append((known, mailed.astype(np.float64), ordered))
    together = parts[0][0]
    for known, _, _ in parts[1:]:
        together = together.joined(known)
    return together, np.concatenate([one[1] for one in parts]), np.concatenate([one[2] for one in parts])


def _withdraw() -> None:
    """Take a version out of use whose claim the newest data do not bear out, with all scores of ours."""
    champions = PredictionVersion.objects.filter(kind=UPLIFT, status=Status.CHAMPION)
    champions.update(status=Status.RETIRED)
    nobody: Integers = np.zeros(0, dtype=np.int64)
    with transaction.atomic():
        if not ExternalModel.objects.holds(UPLIFT):
            store_scores(kind=UPLIFT, customers=nobody, values=np.zeros(0), version="", now=clock.now())


def _require_enough(trials: Sequence[MailTrial]) -> None:
    if not trials:
        raise TooFewTreatedError(
            f"not enough data: no campaign of the last year held customers back and is {DAYS} days old; "
            "give an experiment an arm without mail"
        )
    for found, what in (
        (sum(one.mailed for one in trials), "mailed"),
        (sum(one.held_back for one in trials), "held back"),
    ):
        if found < FEWEST_OF_EACH_ARM:
            raise TooFewTreatedError(
                f"not enough data: {found:,} of {FEWEST_OF_EACH_ARM} customers {what} in {_mailings(len(trials))}"
            )


def _require_outcomes(treated: Values, outcome: Values) -> None:
    for arm, what in ((1, "mailed"), (0, "held back")):
        members = treated == arm
        found = int(outcome[members].sum())
        if members.sum() < FEWEST_OF_EACH_ARM or found < FEWEST_OUTCOMES:
            raise TooFewTreatedError(
                f"not enough data: {found} of {FEWEST_OUTCOMES} orders among {int(members.sum()):,} of "
                f"{FEWEST_OF_EACH_ARM} customers {what}"
            )


def _verdict(judged: UpliftJudgement, trials: int) -> str:
    effect = judged.effect
    average = (
        f"On average a mail changes the share that orders within {DAYS} days by {points(effect.estimate)} "
        f"({points(effect.low)} to {points(effect.high)}): {judged.treated_rate:.2%} of {judged.treated:,} mailed, "
        f"{judged.control_rate:.2%} of {judged.control:,} held back, in {_mailings(trials)}."
    )
    found = f"Qini {judged.qini.sentence}"
    if judged.has_evidence:
        return f"The effect differs between people: {found}. {average}"
    return f"No evidence that the effect differs between people: {found}, so there is no score. {average}"


def points(share: float) -> str:
    """A difference of two shares in points of a hundred, with its sign."""
    return f"{100 * share:+.2f} points".replace("-", "−")


def _mailings(count: int) -> str:
    return "one mailing" if count == 1 else f"{count} mailings"
