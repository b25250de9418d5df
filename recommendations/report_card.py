"""A training's report card: metrics on a holdout in time, and sentences that say what they mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from recommendations.engines.base import Engine, Features, Model
from recommendations.engines.blend import BlendModel
from recommendations.evaluation.bootstrap import Difference
from recommendations.evaluation.compare import (
    ALL_PURCHASES,
    DISCOVER,
    Judged,
    differences,
    judge,
    strongest_popularity,
)
from recommendations.evaluation.metrics import RankingMetrics
from recommendations.evaluation.split import TemporalSplit, targets
from recommendations.gate import Duel, duel
from recommendations.recipes import LABELS

K = 10
TEST_DAYS = 28
FEWEST_TEST_CUSTOMERS = 50
TASK_LABELS = {ALL_PURCHASES: "all purchases", DISCOVER: "discoveries"}


@dataclass(frozen=True, slots=True)
class Rival:
    """The version in use, by `name`; `engine` is its recipe, None where the challenger has the same."""

    name: str
    engine: Engine | None


@dataclass(frozen=True, slots=True)
class ReportCard:
    """What the holdout showed."""

    metrics: dict[str, Any]
    verdict: str
    may_be_used: bool


def report_card(
    *, engine: Engine, rival: Rival | None, split: TemporalSplit, features: Features
) -> ReportCard:
    """Fit on what lies before the holdout, compare there with popularity and with the recipe of the one in use.

    That recipe is fitted anew on the same days: what is in use has already seen the holdout. The first model must be
    better than popularity; a later one must not be worse, neither than popularity nor than the one in use.
    """
    tested = len(targets(split, only_new=False).users)
    if tested < FEWEST_TEST_CUSTOMERS:
        return _cannot_tell(tested)
    baseline = strongest_popularity(split, k=K)
    model = engine.fit(split.train, features)
    ours = _judged(engine.name, model, split, baseline)
    parts = [_judged(name, part, split, baseline) for name, part in _parts(model)]
    metrics: dict[str, Any] = {
        "k": K,
        "test_days": TEST_DAYS,
        "cut_off": split.cut_off,
        "popularity": baseline.as_json(),
        engine.name: ours.as_json(),
        **{part.name: part.as_json() for part in parts},
    }
    sentences = [_sentence(ours, baseline, task) for task in TASK_LABELS]
    gain = ours.against_baseline[ALL_PURCHASES]["ndcg"]
    if rival is None:
        sentences.append("Before it nothing was in use: it must be better than popularity.")
        return ReportCard(metrics, " ".join(sentences), gain.verdict == "better")
    may_be_used = gain.verdict != "worse"
    if rival.engine is None:
        sentences.append(f"It has the recipe of {rival.name}, and has learned from newer data.")
    else:
        found = _against(rival.name, rival.engine, ours.metrics, split, features)
        metrics["against_champion"] = found.as_json()
        may_be_used = may_be_used and found.is_passed
        sentences.append(found.sentence())
    return ReportCard(metrics, " ".join(sentences), may_be_used)


def _cannot_tell(tested: int) -> ReportCard:
    verdict = (
        f"Only {tested} customers with a past bought in the last {TEST_DAYS} days; at least "
        f"{FEWEST_TEST_CUSTOMERS} are needed to tell whether a model is better than popularity."
    )
    return ReportCard({"k": K, "test_days": TEST_DAYS, "test_customers": tested}, verdict, may_be_used=False)


def _judged(name: str, model: Model, split: TemporalSplit, baseline: Judged) -> Judged:
    metrics = judge(model, split, k=K)
    return Judged(name, metrics, differences(metrics, baseline))


def _parts(model: Model) -> tuple[tuple[str, Model], ...]:
    return model.models if isinstance(model, BlendModel) else ()


def _against(
    name: str, engine: Engine, ours: dict[str, RankingMetrics], split: TemporalSplit, features: Features
) -> Duel:
    theirs = judge(engine.fit(split.train, features), split, k=K)[ALL_PURCHASES].ndcg
    measure = f"NDCG@{K}"
    return duel(
        rival=name,
        measure=measure,
        ours=ours[ALL_PURCHASES].ndcg,
        theirs=theirs,
        scale=float(theirs.mean()),
    )


def _sentence(judged: Judged, baseline: Judged, task: str) -> str:
    ours, theirs = judged.metrics[task].means(), baseline.metrics[task].means()
    gain = judged.against_baseline[task]["ndcg"]
    verb = {"better": "beats", "worse": "is worse than"}.get(gain.verdict, "does not beat")
    return (
        f"{LABELS[judged.name]} {verb} popularity on {TASK_LABELS[task]}: NDCG@{K} "
        f"{ours[f'ndcg@{K}']:.3f} against {theirs[f'ndcg@{K}']:.3f} ({_difference(gain)}; "
        f"{ours['users']} customers)."
    )


def _difference(difference: Difference) -> str:
    return (
        f"difference {difference.mean:+.3f}, {difference.confidence:.0%} interval "
        f"{difference.low:+.3f} to {difference.high:+.3f}"
    )
