"""Why a customer is shown what he is shown: the data of the inspector's page."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from common.clock import now
from customers.models import Customer
from products.models import Product
from recommendations.engines import artefacts
from recommendations.external.models import ExternalModel, ExternalRecommendation
from recommendations.likeness import likenesses
from recommendations.models import ModelVersion, Recommendation
from recommendations.serving import recommend
from recommendations.shelf import bought_by, viewed_by
from recommendations.strategies import FOR_YOU, STRATEGIES, TRIED, Source
from rules.deciding import Decision, decide, document_of
from rules.models import RuleSetVersion
from rules.versions import live_versions

logger = logging.getLogger(__name__)
RECENT_ACTS = 20
BECAUSE_PRODUCTS = 2
MOST_LEFT_OUT = 20
MISSING_FILE = (
    "The file of {version} is missing or damaged, so it cannot be said what leads to a product. Train anew."
)


@dataclass(frozen=True, slots=True)
class Act:
    """Something that a customer did with a product lately: `bought`, or `looked at` (carts count as looking)."""

    product: Product
    verb: str


@dataclass(frozen=True, slots=True)
class ExplainedProduct:
    """One product shown: its rank from 1, the model's score (None where the model did not pick it), and what the
    customer did that leads to it, the strongest first (empty where nothing does)."""

    rank: int
    product: Product
    source: str
    reason: str
    score: float | None
    because: tuple[Act, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A product that live rules keep from a customer, the rule set's version that does, and the rule's name (empty
    for what it does where no rule fits)."""

    product: Product
    version: RuleSetVersion
    rule: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """What a customer is shown and why. `computed_at` is when the stored row was made, None without one.

    `elsewhere` names the model elsewhere whose ranking comes first, with its version; empty where none answered.

    `ladder` says in words what the strategy tries, one after the other. `left_out` holds at most `MOST_LEFT_OUT`.

    `artefact_problem` says why reasons are missing: the model's file is gone or damaged.
    """

    customer: Customer
    allows_profiling: bool
    model_version: ModelVersion | None
    elsewhere: str
    computed_at: datetime | None
    acts: tuple[Act, ...]
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
    acts = recent_acts(customer)
    scores = dict(zip(row.product_ids, row.scores, strict=True)) if row else {}
    because: dict[int, tuple[Act, ...]] = {}
    artefact_problem = ""
    if served.model_version is not None:
        try:
            because = reasons(served.model_version, [one.pk for one in served.products], acts)
        except (OSError, artefacts.DamagedArtefactError) as error:
            logger.warning("The reasons for customer %d are incomplete: %s", customer_id, error)
            artefact_problem = MISSING_FILE.format(version=served.model_version)
    shown = tuple(
        ExplainedProduct(
            rank=rank,
            product=product,
            source=source,
            reason=reason,
            score=scores.get(product.pk) if source == Source.MODEL else None,
            because=because.get(product.pk, ()) if source == Source.MODEL else (),
        )
        for rank, (product, source, reason) in enumerate(
            zip(served.products, served.sources, served.reasons, strict=True), start=1
        )
    )
    return Explanation(
        customer=customer,
        allows_profiling=customer.allows_profiling,
        model_version=served.model_version,
        elsewhere=_elsewhere(customer) if Source.ELSEWHERE in served.sources else "",
        computed_at=row.computed_at if row else None,
        acts=tuple(acts.values()),
        shown=shown,
        shortfall=served.shortfall,
        ladder=tuple(TRIED[source] for source in STRATEGIES[strategy].ladder),
        left_out=tuple(left_out[:MOST_LEFT_OUT]),
        artefact_problem=artefact_problem,
    )


def _elsewhere(customer: Customer) -> str:
    model = ExternalModel.objects.filter(gives=ExternalModel.Gives.RECOMMENDATIONS).first()
    row = ExternalRecommendation.objects.filter(customer=customer).first()
    return f"{model}, version {row.version}, elsewhere" if model and row else ""


def _left_out(customer: Customer) -> list[LeftOut]:
    """What the live rules exclude, by the first rule set that does; nothing for who objects to profiling."""
    if not customer.allows_profiling:
        return []
    found: dict[str, tuple[RuleSetVersion, Decision]] = {}
    for version in live_versions():
        decision = decide([version], [customer.pk], now=now())[customer.pk]
        for code in sorted(decision.exclude):
            found.setdefault(code, (version, decision))
    products = Product.objects.filter(external_id__in=found).select_related("category").order_by("name", "pk")
    return [
        LeftOut(product, version, _rule(version, decision, product))
        for product in products
        for version, decision in [found[product.external_id]]
    ]


def _rule(version: RuleSetVersion, decision: Decision, product: Product) -> str:
    fired = {name.removeprefix(f"{version.rule_set.key}: ") for name in decision.fired}
    path = product.category.path if product.category else ""
    for rule in document_of(version).rules:
        below = any(f"{path}/".startswith(f"{one}/") for one in rule.then.exclude_categories)
        if rule.name in fired and (below or product.external_id in rule.then.exclude_products):
            return rule.name
    return ""


def recent_acts(customer: Customer) -> dict[int, Act]:
    """What a customer looked at and bought lately, by product, the latest first; three queries.

    What was bought counts as bought, however often it was looked at. Nothing for who objects to profiling.
    """
    if not customer.allows_profiling:
        return {}
    viewed = viewed_by([customer.pk]).get(customer.pk, [])[:RECENT_ACTS]
    bought = bought_by([customer.pk]).get(customer.pk, [])[:RECENT_ACTS]
    verbs = dict.fromkeys(viewed, "looked at") | dict.fromkeys(bought, "bought")
    products = Product.objects.select_related("category").in_bulk(verbs)
    return {one: Act(products[one], verb) for one, verb in verbs.items() if one in products}


def reasons(
    version: ModelVersion, products: Sequence[int], acts: Mapping[int, Act]
) -> dict[int, tuple[Act, ...]]:
    """For each product those of `acts` that lead to it most strongly, by the version's first engine that knows any.

    Raises OSError and `artefacts.DamagedArtefactError` where the version's file is gone or damaged.
    """
    found: dict[int, tuple[Act, ...]] = {}
    for likeness in likenesses(version):
        open_still = [product for product in products if not found.get(product)]
        because = likeness.because(open_still, list(acts), most=BECAUSE_PRODUCTS)
        found |= {product: tuple(acts[act] for act in led) for product, led in because.items()}
    return found
