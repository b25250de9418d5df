"""Filling the product shelves of mails: by the arm's strategy or the template's, with what rules say."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from campaigns.contexts import absolute_product
from campaigns.templating.tags import ARMS_CHOICE
from products.models import Product
from recommendations.serving import Served, recommend
from recommendations.shelf import Filters
from recommendations.strategies import BESTSELLERS, strategy_called
from rules.deciding import Decision
from rules.documents import Recommendation

Shelves = Mapping[str, int]
"""How many products each shelf of a template holds, by its strategy."""


def fill(
    strategies: Mapping[int, str],
    decisions: Mapping[int, Decision],
    *,
    shelves: Shelves,
    is_personalised: bool = True,
) -> dict[int, dict[str, Served]]:
    """Return what stands on each shelf for each customer; a fixed number of queries a shelf.

    `strategies` are the arms' own. A rule's `recommend` replaces them, and products that it names come first; what
    rules exclude is left out and filled up. A shelf whose strategy the template names keeps it; only where nothing is
    personalised it shows bestsellers in place of a personal one. No product stands in a mail twice.
    """
    exclude = {who: set(products) for who, products in excluded_products(decisions).items()}
    filled: dict[int, dict[str, Served]] = {who: {} for who in strategies}
    for shelf, k in shelves.items():
        if shelf == ARMS_CHOICE:
            found = _by_arm(strategies, decisions, exclude, k)
        else:
            may_be_shown = is_personalised or not strategy_called(shelf).is_personal
            strategy = shelf if may_be_shown else BESTSELLERS
            found = recommend(list(strategies), k=k, strategy=strategy, exclude=exclude)
        for who, served in found.items():
            filled[who][shelf] = served
            exclude.setdefault(who, set()).update(product.pk for product in served.products)
    return filled


def in_template(filled: Mapping[str, Served]) -> list[dict[str, Any]] | dict[str, list[dict[str, Any]]]:
    """Return the shelves as a template sees them: a list of products, or a list for each strategy that it names."""
    shelves = {name: [absolute_product(product) for product in one.products] for name, one in filled.items()}
    return shelves.get(ARMS_CHOICE, []) if set(shelves) <= {ARMS_CHOICE} else shelves


def _by_arm(
    strategies: Mapping[int, str], decisions: Mapping[int, Decision], exclude: Mapping[int, set[int]], k: int
) -> dict[int, Served]:
    """Ask the recommender once for each wish: what an arm or a rule asks for."""
    wishes: dict[Recommendation, list[int]] = defaultdict(list)
    for who, strategy in strategies.items():
        rule = next(iter(decisions[who].recommend.values()), None) if who in decisions else None
        wishes[rule or Recommendation(strategy)].append(who)
    named = _named_products(code for wish in wishes for code in wish.products)
    served: dict[int, Served] = {}
    for wish, people in wishes.items():
        filters = Filters(categories=wish.categories, price_from=wish.price_from, price_to=wish.price_to)
        found = recommend(
            people,
            k=k,
            strategy=wish.strategy,
            exclude=exclude,
            filters=filters,
            most_per_category=wish.most_per_category,
        )
        first = [product for code in wish.products for product in named.get(code, ()) if product.is_available]
        for who, one in found.items():
            served[who] = _with_first(one, [each for each in first if each.pk not in exclude.get(who, ())], k)
    return served


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
