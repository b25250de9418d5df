"""What goes with a product: the neighbours that the same people bought, and those that they looked at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from django.db import transaction

from products.models import Product
from recommendations.engines.base import FloatArray, IntArray, Interactions, Vocabulary
from recommendations.engines.ranking import top_k
from recommendations.models import RelatedProducts

KEPT_NEIGHBOURS = 30
FEWEST_PEOPLE = 2
DOUBT = 5.0
"""A likeness that so many people attest counts half; one that thousands attest counts whole."""
_CELLS = 5_000_000
"""So many pairs of products are counted at once (20 MB)."""
_BATCH = 2_000


def refresh_related_products(interactions: Interactions) -> int:
    """Store the neighbours of every product, of both kinds, in place of those stored; return how many rows there are.

    The likeness of two products is the cosine between the sets of people, times n / (n + `DOUBT`) for n people in
    both (Bell, Koren 2007, "Improved neighborhood-based collaborative filtering", shrinkage). What fewer than
    `FEWEST_PEOPLE` have in common is left out. Carts count as looking.
    """
    bought = interactions.is_purchase
    parts = {RelatedProducts.Kind.BOUGHT: bought, RelatedProducts.Kind.VIEWED: ~bought}
    existing = set(Product.objects.values_list("pk", flat=True))
    with transaction.atomic():
        RelatedProducts.objects.all().delete()
        rows = [
            RelatedProducts(kind=kind, product_id=product, product_ids=near, scores=scores)
            for kind, chosen in parts.items()
            for product, near, scores in neighbours(interactions.where(chosen))
            if product in existing
        ]
        RelatedProducts.objects.bulk_create(rows, batch_size=_BATCH)
    return len(rows)


def neighbours(interactions: Interactions) -> Iterator[tuple[int, list[int], list[float]]]:
    """Each item with its `KEPT_NEIGHBOURS` nearest and their likeness in (0, 1), the nearest first; items without any
    are left out."""
    vocabulary = Vocabulary.of(interactions)
    met = vocabulary.matrix(np.ones(len(vocabulary.rows), dtype=np.float32))
    met.data[:] = 1
    people = np.asarray(met.sum(axis=0)).ravel()
    by_item = met.tocsc()
    count = len(vocabulary.item_ids)
    width = max(1, _CELLS // max(1, count))
    for start in range(0, count, width):
        stop = min(start + width, count)
        both = np.asarray((by_item[:, start:stop].T @ met).todense(), dtype=np.float32)
        both[np.arange(stop - start), np.arange(start, stop)] = 0
        both[both < FEWEST_PEOPLE] = 0
        norms = np.sqrt(np.outer(people[start:stop], people)).astype(np.float32)
        likeness = both / norms * (both / (both + np.float32(DOUBT)))
        best = top_k(likeness, vocabulary.item_ids, KEPT_NEIGHBOURS)
        yield from _rows(vocabulary.item_ids[start:stop], best.items, best.scores)


def _rows(
    items: IntArray, near: IntArray, scores: FloatArray
) -> Iterator[tuple[int, list[int], list[float]]]:
    for item, found, values in zip(items.tolist(), near, scores, strict=True):
        kept = values > 0
        if kept.any():
            yield item, found[kept].tolist(), values[kept].tolist()
