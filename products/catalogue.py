"""Finds products and categories by the names sources give them, and makes those that are missing."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import msgspec
from django.db import connection, transaction

from common.prepared_statements import Values, answers, as_array
from products.models import Product

_LOCK = 7216_0002


class ProductRef(msgspec.Struct, frozen=True, gc=False):
    """A product as a source names it. `category` is a path such as `camping/tents`."""

    external_id: str
    name: str = ""
    category: str = ""
    price_minor: int | None = None
    currency: str = ""
    """Of the price; that of the batch when empty."""


class FoundProduct(msgspec.Struct, frozen=True, gc=False):
    """A product that has a row."""

    id: int
    category_id: int | None


def resolve_products(
    refs: Iterable[ProductRef],
    *,
    source: str,
    currency: str,
    found: dict[str, FoundProduct] | None = None,
) -> dict[str, FoundProduct]:
    """Return the products by external id, made first where they are missing.

    A known product keeps what it has; only a missing category is filled in. One query when all are known, none where
    the caller has just asked by `products_asked` which are `found`.
    """
    wanted: dict[str, ProductRef] = {}
    for ref in refs:
        known = wanted.get(ref.external_id)
        if known is None or (not known.name and ref.name):
            wanted[ref.external_id] = ref
    if not wanted:
        return {}
    found = _found(wanted, source) if found is None else found
    lacking = {
        key: ref
        for key, ref in wanted.items()
        if key not in found or (ref.category and found[key].category_id is None)
    }
    if not lacking:
        return found
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        categories = ensure_categories(ref.category for ref in lacking.values() if ref.category)
        _store(lacking, categories, source, currency)
    return _found(wanted, source)


def categories_of(product_ids: Collection[int]) -> dict[int, int | None]:
    """Return the categories of products by their own ids; one query, none where no product is asked for."""
    if not product_ids:
        return {}
    return dict(Product.objects.filter(pk__in=product_ids).values_list("pk", "category_id"))


def ensure_categories(paths: Iterable[str]) -> dict[str, int]:
    """Return category ids by path, with every node above them made where it is missing."""
    wanted = {path for path in paths if path}
    nodes = {node for path in wanted for node in _ancestors(path)}
    if not nodes:
        return {}
    with connection.cursor() as cursor:
        for depth in range(1, max(node.count("/") for node in nodes) + 2):
            level = sorted(node for node in nodes if node.count("/") + 1 == depth)
            cursor.execute(
                "INSERT INTO products_category (name, path, parent_id)"
                " SELECT n.name, n.path, p.id FROM unnest(%s::text[], %s::text[], %s::text[])"
                " AS n(name, path, parent) LEFT JOIN products_category p ON p.path = n.parent"
                " ORDER BY n.path ON CONFLICT (path) DO NOTHING",
                [
                    [node.rpartition("/")[2].strip()[:200] for node in level],
                    level,
                    [node.rpartition("/")[0] for node in level],
                ],
            )
        cursor.execute("SELECT path, id FROM products_category WHERE path = ANY(%s)", [sorted(wanted)])
        return dict(cursor.fetchall())


def _ancestors(path: str) -> list[str]:
    parts = path.split("/")
    return ["/".join(parts[: end + 1]) for end in range(len(parts))]


def products_asked(external_ids: Iterable[str], *, source: str) -> tuple[str, Values]:
    """Return the statement that finds products, to be sent with others; `products_in` reads its rows."""
    return (
        "SELECT external_id, id, category_id FROM products_product WHERE source = %s AND external_id = ANY(%s)",
        [source, as_array(external_ids)],
    )


def products_in(rows: Iterable[Sequence[Any]]) -> dict[str, FoundProduct]:
    """Return the products by external id that `products_asked` has found."""
    return {key: FoundProduct(id, category) for key, id, category in rows}


def _found(wanted: Mapping[str, ProductRef], source: str) -> dict[str, FoundProduct]:
    return products_in(answers(*products_asked(wanted, source=source)))


def _store(
    lacking: Mapping[str, ProductRef], categories: Mapping[str, int], source: str, currency: str
) -> None:
    refs = [lacking[key] for key in sorted(lacking)]
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO products_product (source, external_id, name, brand, category_id, price_minor,"
            " currency, url, image_url, is_available, attributes, created_at, updated_at)"
            " SELECT %s, r.key, r.name, '', r.category_id, r.price, r.currency, '', '', true, '{}', now(), now()"
            " FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::text[])"
            " AS r(key, name, category_id, price, currency) ORDER BY r.key"
            " ON CONFLICT (source, external_id) DO UPDATE SET category_id = EXCLUDED.category_id"
            " WHERE products_product.category_id IS NULL AND EXCLUDED.category_id IS NOT NULL",
            [
                source,
                [ref.external_id for ref in refs],
                [(ref.name or ref.external_id)[:300] for ref in refs],
                [categories.get(ref.category) for ref in refs],
                [max(ref.price_minor or 0, 0) for ref in refs],
                [ref.currency or currency for ref in refs],
            ],
        )
