"""What each engine would say to one customer, computed on demand: from stored rows, the model's file and lists."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from customers.models import Customer
from products.models import Product
from recommendations.engines import artefacts
from recommendations.explaining import MISSING_FILE, Act, reasons, recent_acts
from recommendations.likeness import likenesses
from recommendations.models import ModelVersion, Recommendation
from recommendations.serving import ANYTHING
from recommendations.shelf import Candidate, load
from recommendations.strategies import REASONS, TRIED, Source, Strategy

logger = logging.getLogger(__name__)
FOUND_MORE = 20
"""So many more than are shown are asked for: some are not available."""
_LISTS = (
    Source.ELSEWHERE,
    Source.HISTORY,
    Source.WITH_BOUGHT,
    Source.WITH_VIEWED,
    Source.IN_CATEGORY,
    Source.TRENDING,
    Source.COUNTRY,
    Source.EVERYWHERE,
    Source.CATALOGUE,
)
_EVERYTHING = Strategy(label="Everything", says="", ladder=_LISTS)


@dataclass(frozen=True, slots=True)
class Proposal:
    """A product that an engine proposes, and why: in words, or by what the customer did."""

    product: Product
    reason: str = ""
    because: tuple[Act, ...] = ()


@dataclass(frozen=True, slots=True)
class Opinion:
    """What one engine proposes, best first; nothing where it knows nothing of the customer."""

    engine: str
    says: str
    proposals: tuple[Proposal, ...]


@dataclass(frozen=True, slots=True)
class Opinions:
    """All engines' opinions; `problem` says why those of the model in use are missing."""

    all: tuple[Opinion, ...]
    model_version: ModelVersion | None
    problem: str = ""


def opinions(customer: Customer, *, k: int = 5) -> Opinions:
    """Ask every engine for its `k` best available products; a fixed number of queries.

    Who objects to profiling has no opinion but those of lists that are the same for everybody in a country.
    """
    row = None
    if customer.allows_profiling:
        row = Recommendation.objects.select_related("model_version").filter(customer=customer).first()
    problem, of_model = "", tuple[Opinion, ...]()
    if row is not None:
        try:
            of_model = _of_model(row, recent_acts(customer), k)
        except (OSError, artefacts.DamagedArtefactError) as error:
            logger.warning("The opinions for customer %d are incomplete: %s", customer.pk, error)
            problem = MISSING_FILE.format(version=row.model_version)
    version = row.model_version if row else None
    return Opinions((*of_model, *_of_lists(customer, k)), version, problem)


def _of_model(row: Recommendation, acts: Mapping[int, Act], k: int) -> tuple[Opinion, ...]:
    version = row.model_version
    rankings = [("The model in use", f"What {version} ranked with all it had read.", row.product_ids)]
    if row.fresh_ids is not None:
        rankings.append(("After the latest acts", "The same, with what goes with them.", row.fresh_ids))
    rankings += [
        (one.label, f"A part of {version}.", one.from_acts(list(acts), k=k + FOUND_MORE, banned=acts))
        for one in likenesses(version)
    ]
    wanted = {product for _, _, ids in rankings for product in ids[: k + FOUND_MORE]}
    available = Product.objects.available().select_related("category").in_bulk(wanted)
    why = reasons(version, list(available), acts)
    return tuple(
        Opinion(
            engine,
            says,
            tuple(Proposal(available[one], because=why.get(one, ())) for one in ids if one in available)[:k],
        )
        for engine, says, ids in rankings
    )


def _of_lists(customer: Customer, k: int) -> Iterable[Opinion]:
    shelf = load([customer.pk], strategy=_EVERYTHING, filters=ANYTHING, enough=k)
    found = {
        source: _first(shelf.from_source(source, customer.pk), shelf.category_of, k) for source in _LISTS
    }
    products = Product.objects.select_related("category").in_bulk(
        {one.product for some in found.values() for one in some}
    )
    if not found[Source.ELSEWHERE]:
        del found[Source.ELSEWHERE]
    for source, some in found.items():
        proposals = (
            Proposal(products[one.product], REASONS[source].format(country=customer.country, about=one.about))
            for one in some
        )
        yield Opinion(LABELS[source], f"{TRIED[source].capitalize()}.", tuple(proposals))


def _first(
    candidates: Iterable[Candidate], may_be_shown: Mapping[int, object], k: int
) -> Sequence[Candidate]:
    found: dict[int, Candidate] = {}
    for one in candidates:
        if one.product in may_be_shown:
            found.setdefault(one.product, one)
        if len(found) == k:
            break
    return list(found.values())


LABELS = {
    Source.ELSEWHERE: "A model elsewhere",
    Source.HISTORY: "Buy again",
    Source.WITH_BOUGHT: "Goes with purchases",
    Source.WITH_VIEWED: "Goes with views",
    Source.IN_CATEGORY: "Popular in one's categories",
    Source.TRENDING: "Trending",
    Source.COUNTRY: "Popular in the country",
    Source.EVERYWHERE: "Popular everywhere",
    Source.CATALOGUE: "Newest",
}
