"""Training: read, judge on a holdout, fit on everything, store the model and each customer's best products."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import numpy as np
from django.conf import settings
from django.db import connection, transaction

from common import clock
from customers.profiling import keep_only_allowed
from recommendations import drift, leases, registry
from recommendations.engines import artefacts
from recommendations.engines.base import NO_ITEM, Engine, IntArray, Interactions, Model, Ranking
from recommendations.evaluation.split import TemporalSplit
from recommendations.features import read_features
from recommendations.horizon import learns_until
from recommendations.interactions import read_interactions
from recommendations.models import ModelVersion, Recommendation
from recommendations.popular import refresh_popular_products, refresh_trending_products
from recommendations.recipes import DEFAULT_ENGINE, build_engine
from recommendations.related import refresh_related_products
from recommendations.report_card import TEST_DAYS, Rival, report_card

logger = logging.getLogger(__name__)

KEPT_PRODUCTS = 50
CHUNK_CUSTOMERS = 10_000
Status = ModelVersion.Status
Report = Callable[[str, int, int], None]

FRESH = """
CREATE TEMPORARY TABLE fresh_recommendation (customer_id bigint, product_ids bigint[], scores float8[])
ON COMMIT DROP
"""
STORE = """
INSERT INTO recommendations_recommendation AS r (customer_id, model_version_id, product_ids, scores, computed_at)
SELECT f.customer_id, %(version)s, f.product_ids, f.scores, %(computed_at)s
FROM fresh_recommendation f JOIN customers_customer c ON c.id = f.customer_id
WHERE c.allows_profiling
ORDER BY f.customer_id
ON CONFLICT (customer_id) DO UPDATE SET
    model_version_id = excluded.model_version_id, product_ids = excluded.product_ids,
    scores = excluded.scores, computed_at = excluded.computed_at,
    fresh_ids = CASE WHEN r.acted_at >= %(data_until)s THEN r.fresh_ids END,
    freshened_at = CASE WHEN r.acted_at >= %(data_until)s THEN r.freshened_at END,
    acted_at = CASE WHEN r.acted_at >= %(data_until)s THEN r.acted_at END
RETURNING r.customer_id, r.xmax = 0 AS is_new
"""
# Who is new to the model but did something since it read: what was freshened is all there is for them.
KEEP_NEW = """
UPDATE recommendations_recommendation SET model_version_id = %(version)s, product_ids = '{}', scores = '{}'
WHERE model_version_id <> %(version)s AND acted_at >= %(data_until)s
"""
DROP_OLD = "DELETE FROM recommendations_recommendation WHERE model_version_id <> %(version)s"


def train(
    *,
    engine: str = DEFAULT_ENGINE,
    now: datetime | None = None,
    report: Report | None = None,
    asked_as: str = "",
) -> ModelVersion:
    """Train `engine` on what happened before `now` (`learns_until()` when None) and return its version.

    The version becomes the champion if the holdout lets it (`report_card`); otherwise it is kept as rejected and
    serving stays as it was. Bestsellers are refreshed in any case. `report(stage, done, total)` is called as it goes
    on; `asked_as` is the task that asked. Raises `leases.TrainingBusyError` where a training is under way or that task
    has had its own, `leases.TrainingStoppedError` where it was cancelled.
    """
    moment = (now or learns_until()).replace(microsecond=0)
    parameters = build_engine(engine).parameters()
    version = leases.begin(ModelVersion(engine=engine, parameters=parameters, asked_as=asked_as))
    tell = _teller(version, report)
    try:
        with leases.heartbeat(version):
            refresh_popular_products(now=moment)
            refresh_trending_products(now=moment)
            _train(version, build_engine(engine, progress=_epochs(tell)), moment, tell)
    except leases.TrainingStoppedError:
        raise
    except Exception as error:
        leases.fail(version, error)
        raise
    logger.info("%s: %s", version, version.status)
    return version


def _train(version: ModelVersion, engine: Engine, now: datetime, tell: Report) -> None:
    tell("read", 0, 1)
    interactions = read_interactions(now=now)
    features = read_features(np.unique(interactions.users))
    refresh_related_products(interactions)
    tell("read", 1, 1)
    split = holdout(interactions, now=now)
    card = report_card(engine=engine, rival=_rival(version), split=split, features=features)
    version.metrics = card.metrics | {"profiles": drift.profiles(interactions)}
    version.data_until = now
    if len(interactions):
        version.data_from = datetime.fromtimestamp(int(interactions.times.min()), UTC)
    if not card.may_be_used:
        far = _note_drift(version, interactions, model=None)
        leases.finish(version, Status.REJECTED, verdict=card.verdict)
        _tell_drift(far)
        return
    model = engine.fit(interactions, features)
    _note_drift(version, interactions, model=model)
    store_artefact(version, model)
    with transaction.atomic():
        leases.hold(version)
        leases.retire_champion(version)  # first, so that nobody freshens rows meanwhile
        store_recommendations(version, model, np.unique(interactions.users), tell)
        leases.finish(version, Status.CHAMPION, verdict=card.verdict)
    _tell_drift([])


def _note_drift(version: ModelVersion, interactions: Interactions, *, model: Model | None) -> list[str]:
    """Keep how far customers lie from those of the one in use, and scores if its engine is the same; what lies far."""
    users = np.unique(interactions.users)
    if model is not None:
        version.metrics["profiles"][drift.SCORE] = drift.score_profile(model, users)
    champion = registry.champion()
    if champion is None or "profiles" not in champion.metrics:
        return []
    scored = model if champion.engine == version.engine else None
    found = drift.distances(champion.metrics["profiles"], interactions, model=scored, users=users)
    version.metrics["drift"] = {
        "against": str(champion),
        "as_of": version.data_until.isoformat() if version.data_until else None,
        "columns": found,
    }
    return drift.far(found, drift.LABELS)


def _tell_drift(far: list[str]) -> None:
    title = "Customers are not those that the recommender in use learned from"
    drift.tell("recommender", title=title, far=far, where="Recommendations")


def holdout(interactions: Interactions, *, now: datetime) -> TemporalSplit:
    """Split off the last 28 days before `now` (whole seconds); the rest is read anew, as it was known then."""
    cut_off = now - timedelta(days=TEST_DAYS)
    at = int(cut_off.timestamp())
    return TemporalSplit(read_interactions(now=cut_off), interactions.where(interactions.times >= at), at)


def _rival(version: ModelVersion) -> Rival | None:
    """What is in use; None where nothing is, or nothing that could be learned again to compare with."""
    champion = registry.champion()
    if champion is None:
        return None
    if (champion.engine, champion.parameters) == (version.engine, version.parameters):
        return Rival(str(champion), None)
    try:
        return Rival(str(champion), build_engine(champion.engine, champion.parameters))
    except (TypeError, ValueError) as error:
        logger.warning("%s cannot be trained again to compare with it: %s", champion, error)
        return None


def store_artefact(version: ModelVersion, model: Model, *, suffix: str = "") -> None:
    """Write the model's file, and note its name and sha256 on the unsaved `version`."""
    path = settings.MODELS_DIR / f"{version.engine}-{version.number}{suffix}.npz"
    metadata = {"engine": version.engine, "number": version.number, "parameters": version.parameters}
    version.artefact_sha256 = artefacts.save(path, arrays=model.arrays(), metadata=metadata)
    version.artefact_path = path.name


def store_recommendations(version: ModelVersion, model: Model, users: IntArray, tell: Report) -> None:
    """Rank for `users` and put their rows in place of all others, in the caller's transaction.

    What was freshened by acts that the model has not read yet stays.
    """
    with connection.cursor() as cursor:
        cursor.execute(FRESH)
        for start in range(0, len(users), CHUNK_CUSTOMERS):
            chunk = users[start : start + CHUNK_CUSTOMERS]
            rows = _rows(chunk, model.recommend(chunk, KEPT_PRODUCTS))
            with cursor.copy("COPY fresh_recommendation FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(["int8", "int8[]", "float8[]"])
                for row in rows:
                    copy.write_row(row)
            tell("score", start + len(chunk), len(users))
        values: dict[str, int | datetime | None] = {
            "version": version.pk,
            "computed_at": clock.now(),
            "data_until": version.data_until,
        }
        cursor.execute(STORE, values)
        new = [id for id, is_new in cursor.fetchall() if is_new]
        cursor.execute(KEEP_NEW, values)
        cursor.execute(DROP_OLD, values)
        cursor.execute("DROP TABLE fresh_recommendation")
        keep_only_allowed(Recommendation, new)


def _rows(users: IntArray, ranking: Ranking) -> list[tuple[int, list[int], list[float]]]:
    rows = zip(users.tolist(), ranking.items.tolist(), ranking.scores.tolist(), strict=True)
    full = [(user, sum(item != NO_ITEM for item in items), items, scores) for user, items, scores in rows]
    return [(user, items[:count], scores[:count]) for user, count, items, scores in full]


def _teller(version: ModelVersion, report: Report | None) -> Report:
    def tell(stage: str, done: int, total: int) -> None:
        leases.renew(version)
        if report is not None:
            report(stage, done, total)

    return tell


def _epochs(tell: Report) -> Callable[[int, int], None]:
    return lambda done, total: tell("learn", done, total)
