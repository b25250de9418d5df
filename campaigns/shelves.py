"""Filling the product shelves of mails: by the arm's strategy or the template's, with what rules say."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from campaigns.contexts import absolute_product
from campaigns.dependencies import DependencyFailed, dependency
from campaigns.templating.tags import ARMS_CHOICE, AT_OPENING
from products.models import Product
from recommendations.serving import Served, recommend
from recommendations.shelf import Filters
from recommendations.strategies import BESTSELLERS, strategy_called
from rules.deciding import Decision
from rules.documents import Recommendation

Shelves = Mapping[str, int]
"""How many products each shelf of a template holds, by its strategy."""


@dataclass(frozen=True, slots=True)
class Filled:
    """What stands on each customer's shelves, and for whom the recommender failed: they see bestsellers, or nothing."""

    shelves: dict[int, dict[str, Served]]
    failed: set[int] = field(default_factory=set)


def fill(
    strategies: Mapping[int, str],
    decisions: Mapping[int, Decision],
    *,
    shelves: Shelves,
    impersonal: Collection[int] = (),
    leave_out: Collection[int] = (),
) -> Filled:
    """Return what stands on each shelf for each customer; a fixed number of queries a shelf.

    `strategies` are the arms' own. A rule's `recommend` replaces them, and products that it names come first; what
    rules exclude is left out and filled up. A shelf whose strategy the template names keeps it. The `impersonal`
    (a baseline arm, who objects to profiling) get bestsellers in place of any personal strategy. No product stands on
    two shelves, and the products `leave_out` on none.
    """
    exclude = {who: set(leave_out) for who in strategies} if leave_out else {}
    for who, products in excluded_products(decisions).items():
        exclude.setdefault(who, set()).update(products)
    filled = Filled({who: {} for who in strategies})
    for shelf, k in shelves.items():
        named = shelf.removeprefix(AT_OPENING)
        wishes = {
            who: _wish(
                named or strategy, None if named else decisions.get(who), is_impersonal=who in impersonal
            )
            for who, strategy in strategies.items()
        }
        for who, served in _grant(wishes, exclude, k, failed=filled.failed).items():
            filled.shelves[who][shelf] = served
            exclude.setdefault(who, set()).update(product.pk for product in served.products)
    return filled


def in_template(
    filled: Mapping[str, Served], seen: dict[int, dict[str, Any]] | None = None
) -> list[dict[str, Any]] | dict[str, list[dict[str, Any]]]:
    """Return the shelves as a template sees them: a list of products, or a list for each strategy that it names.

    Those that are filled anew at each opening are not among them. `seen` holds products that were made before, by id.
    """
    seen = {} if seen is None else seen
    shelves = {
        name: [
            seen.get(product.pk) or seen.setdefault(product.pk, absolute_product(product))
            for product in one.products
        ]
        for name, one in filled.items()
        if not name.startswith(AT_OPENING)
    }
    return shelves.get(ARMS_CHOICE, []) if set(shelves) <= {ARMS_CHOICE} else shelves


def _wish(strategy: str, decision: Decision | None, *, is_impersonal: bool) -> Recommendation:
    """What a rule asks for, else the strategy."""
    if is_impersonal:
        return Recommendation(BESTSELLERS if strategy_called(strategy).is_personal else strategy)
    rule = next(iter(decision.recommend.values()), None) if decision else None
    return rule or Recommendation(strategy)


def _grant(
    wishes: Mapping[int, Recommendation], exclude: Mapping[int, set[int]], k: int, *, failed: set[int]
) -> dict[int, Served]:
    """Ask the recommender once for each wish; add to `failed` those for whom it had no answer."""
    wishing: dict[Recommendation, list[int]] = defaultdict(list)
    for who, wish in wishes.items():
        wishing[wish].append(who)
    named = _named_products(code for wish in wishing for code in wish.products)
    served: dict[int, Served] = {}
    for wish, people in wishing.items():
        found, has_failed = recommended(people, wish, k=k, exclude=exclude)
        if has_failed:
            failed.update(people)
        first = [product for code in wish.products for product in named.get(code, ()) if product.is_available]
        for who, one in found.items():
            served[who] = _with_first(one, [each for each in first if each.pk not in exclude.get(who, ())], k)
    return served


def recommended(
    people: Sequence[int], wish: Recommendation, *, k: int, exclude: Mapping[int, set[int]]
) -> tuple[dict[int, Served], bool]:
    """Return what the recommender says, and whether it failed: then bestsellers, or nothing, take its place."""
    try:
        return _asked(people, wish, k, exclude), False
    except DependencyFailed:
        pass
    try:
        return _asked(people, Recommendation(BESTSELLERS), k, exclude), True
    except DependencyFailed:
        nothing = Served((), (), (), None, shortfall="The recommender failed.")
        return dict.fromkeys(people, nothing), True


def _asked(
    people: Sequence[int], wish: Recommendation, k: int, exclude: Mapping[int, set[int]]
) -> dict[int, Served]:
    with dependency("the recommender"):
        return recommend(
            people,
            k=k,
            strategy=wish.strategy,
            exclude=exclude,
            filters=Filters(categories=wish.categories, price_from=wish.price_from, price_to=wish.price_to),
            most_per_category=wish.most_per_category,
        )


def excluded_products(decisions: Mapping[int, Decision]) -> dict[int, set[int]]:
    """Return the ids of the products that rules exclude for each customer; one query, or none."""
    named = _named_products(code for decision in decisions.values() for code in decision.exclude)
    return {
        who: {product.pk for code in decision.exclude for product in named.get(code, ())}
        for who, decision in decisions.items()
    }


def _named_products(codes: Iterable[str]) -> dict[str, list[Product]]:
    """The products that rules name, by their external id; one query, or none."""
    wanted = set(codes)
    named: dict[str, list[Product]] = defaultdict(list)
    if wanted:
        for product in Product.objects.select_related("category").filter(external_id__in=wanted):
            named[product.external_id].append(product)
    return named


def _with_first(served: Served, first: Sequence[Product], k: int) -> Served:
    """Put what a rule names before what the recommender found, each product once."""
    if not first:
        return served
    chosen = {product.pk: (product, "rule", "a rule names it") for product in first}
    for product, source, reason in zip(served.products, served.sources, served.reasons, strict=True):
        chosen.setdefault(product.pk, (product, source, reason))
    products, sources, reasons = zip(*list(chosen.values())[:k], strict=True)
    return replace(served, products=products, sources=sources, reasons=reasons)
