"""Filling the product shelves: the arm's strategy, what rules put in its place, what they exclude."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from products.models import Product
from recommendations.serving import Served, recommend
from rules.deciding import Decision

Wish = tuple[str, tuple[str, ...], tuple[str, ...]]
"""A strategy, the categories it is restricted to, and products that come first."""


def fill(strategies: Mapping[int, str], decisions: Mapping[int, Decision], *, k: int) -> dict[int, Served]:
    """Return `k` products for each customer; asks the recommender once for each strategy and set of categories.

    A rule's `recommend` replaces the strategy, and products that it names come first; what rules exclude is left out
    and filled up.
    """
    wishes: dict[Wish, list[int]] = defaultdict(list)
    for who, strategy in strategies.items():
        rule = next(iter(decisions[who].recommend.values()), None) if who in decisions else None
        wishes[(rule.strategy, rule.categories, rule.products) if rule else (strategy, (), ())].append(who)
    named = _named_products(code for *_, codes in wishes for code in codes)
    exclude = excluded_products(decisions)
    served: dict[int, Served] = {}
    for (strategy, categories, codes), people in wishes.items():
        found = recommend(people, k=k, strategy=strategy, exclude=exclude, categories=categories)
        first = [product for code in codes for product in named.get(code, ()) if product.is_available]
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
