"""Why a customer is shown what he is shown: the data of the inspector's page."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
from django.conf import settings

from common.clock import now
from customers.models import Customer, OrderLine
from products.models import Product
from recommendations.engines import artefacts
from recommendations.engines.base import IntArray, positions
from recommendations.models import ModelVersion, Recommendation
from recommendations.serving import Served, recommend
from recommendations.strategies import FOR_YOU, STRATEGIES, TRIED, Source
from rules.deciding import decide
from rules.models import RuleSetVersion
from rules.versions import live_versions

logger = logging.getLogger(__name__)
RECENT_PURCHASES = 20
BECAUSE_PRODUCTS = 2
MOST_LEFT_OUT = 20


@dataclass(frozen=True, slots=True)
class ExplainedProduct:
    """One product shown: its rank from 1, the model's score (None where the model did not pick it), the
    purchases nearest to it, nearest first (empty where none is near)."""

    rank: int
    product: Product
    source: str
    reason: str
    score: float | None
    because: tuple[Product, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A product that live rules keep from a customer, and the rule set's version that does."""

    product: Product
    version: RuleSetVersion


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a customer is shown and why. `computed_at` is when the stored row was made, None without one.

    `ladder` says in words what the strategy tries, one after the other. `left_out` holds at most `MOST_LEFT_OUT`.

    `artefact_problem` says why the nearest purchases are missing: the model's file is gone or damaged.
    """

    customer: Customer
    allows_profiling: bool
    model_version: ModelVersion | None
    computed_at: datetime | None
    recent_purchases: tuple[Product, ...]
    shown: tuple[ExplainedProduct, ...]
    shortfall: str
    ladder: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    artefact_problem: str = ""


def explain(customer_id: int, *, k: int = 10, strategy: str = FOR_YOU) -> Explanation:
    """Explain the `k` products that `strategy` shows to one customer, without what live rules leave out.

    Raises Customer.DoesNotExist for nobody.
    """
    customer = Customer.objects.get(pk=customer_id)
    left_out = _left_out(customer)
    exclude = [one.product.pk for one in left_out]
    served = recommend([customer_id], k=k, strategy=strategy, exclude=exclude)[customer_id]
    row = Recommendation.objects.filter(customer=customer).first() if customer.allows_profiling else None
    recent = _recent_purchases(customer_id)
    scores = dict(zip(row.product_ids, row.scores, strict=True)) if row else {}
    nearest: dict[int, tuple[Product, ...]] = {}
    artefact_problem = ""
    try:
        nearest = _nearest_purchases(served, recent)
    except (OSError, artefacts.DamagedArtefactError) as error:
        logger.warning("The reasons for customer %d are incomplete: %s", customer_id, error)
        artefact_problem = (
            f"The file of {served.model_version} is missing or damaged, so it cannot be said which purchases are"
            " near to a product. Train anew."
        )
    shown = tuple(
        ExplainedProduct(
            rank=rank,
            product=product,
            source=source,
            reason=reason,
            score=scores.get(product.pk) if source == Source.MODEL else None,
            because=nearest.get(product.pk, ()) if source == Source.MODEL else (),
        )
        for rank, (product, source, reason) in enumerate(
            zip(served.products, served.sources, served.reasons, strict=True), start=1
        )
    )
    return Explanation(
        customer=customer,
        allows_profiling=customer.allows_profiling,
        model_version=served.model_version,
        computed_at=row.computed_at if row else None,
        recent_purchases=tuple(recent.values()),
        shown=shown,
        shortfall=served.shortfall,
        ladder=tuple(TRIED[source] for source in STRATEGIES[strategy].ladder),
        left_out=tuple(left_out[:MOST_LEFT_OUT]),
        artefact_problem=artefact_problem,
    )


def _left_out(customer: Customer) -> list[LeftOut]:
    """What the live rules exclude, by the first rule set that does; nothing for who objects to profiling."""
    if not customer.allows_profiling:
        return []
    found: dict[str, RuleSetVersion] = {}
    for version in live_versions():
        for code in sorted(decide([version], [customer.pk], now=now())[customer.pk].exclude):
            found.setdefault(code, version)
    products = Product.objects.filter(external_id__in=found).select_related("category").order_by("name", "pk")
    return [LeftOut(product, found[product.external_id]) for product in products]


def similar_products(version: ModelVersion, product_id: int, *, k: int = 10) -> list[tuple[int, float]]:
    """The `k` products that the same people bought, put into carts or looked at, with their cosine; none if unknown."""
    arrays = _neighbour_arrays(version)
    if arrays is None:
        return []
    item_ids, neighbours, similarities = arrays
    place = int(positions(item_ids, np.array([product_id]))[0])
    if place < 0:
        return []
    near = zip(item_ids[neighbours[place]].tolist(), similarities[place].tolist(), strict=True)
    return [(item, value) for item, value in near if item != product_id and value > 0][:k]


def _recent_purchases(customer_id: int) -> dict[int, Product]:
    lines = OrderLine.objects.filter(order__customer_id=customer_id, product__isnull=False, quantity__gt=0)
    latest = lines.select_related("product__category").order_by("-order__placed_at", "pk")
    recent: dict[int, Product] = {}
    for line in latest[: RECENT_PURCHASES * 3]:
        if line.product is not None and len(recent) < RECENT_PURCHASES:
            recent.setdefault(line.product.pk, line.product)
    return recent


def _nearest_purchases(served: Served, recent: dict[int, Product]) -> dict[int, tuple[Product, ...]]:
    if served.model_version is None:
        return {}
    nearest = {}
    for product in served.products:
        near = similar_products(served.model_version, product.pk, k=100)
        found = [recent[item] for item, _ in near if item in recent]
        nearest[product.pk] = tuple(found[:BECAUSE_PRODUCTS])
    return nearest


def _neighbour_arrays(
    version: ModelVersion,
) -> tuple[IntArray, IntArray, npt.NDArray[np.float32]] | None:
    arrays = _artefact(version.artefact_path, version.artefact_sha256)
    prefix = "item_knn." if "item_knn.item_ids" in arrays else ""
    if f"{prefix}neighbours" not in arrays:
        return None
    return arrays[f"{prefix}item_ids"], arrays[f"{prefix}neighbours"], arrays[f"{prefix}similarities"]


@lru_cache(maxsize=2)
def _artefact(path: str, sha256: str) -> dict[str, npt.NDArray[Any]]:
    arrays, _ = artefacts.load(settings.MODELS_DIR / path, sha256=sha256)
    return arrays
