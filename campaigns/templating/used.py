"""Which data a template reads: what has to be kept of a recipient so that the same mail can be made again."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any

from liquid.exceptions import LiquidError

from .rendering import MessageTemplate
from .sandbox import HTML, TEXT, parsed_html, parsed_text
from .tags import fragment

Tree = dict[str, "Tree | None"]
"""What is read below each name; None stands for everything."""
# Liquid makes these of the whole value, whatever it holds.
_OF_THE_WHOLE = frozenset({"size", "first", "last"})


@lru_cache(maxsize=1024)
def read_by(html: str, texts: tuple[str, ...], fragments: tuple[str, ...]) -> Tree | None:
    """Return what a compiled HTML, texts beside it and blocks in its slots read; None where it may be anything.

    What they assign themselves is in it too: whether it is assigned may depend on the data.
    """
    templates = [parsed_html(html), *map(parsed_text, texts)]
    for source in fragments:
        # A block that cannot be read shows nothing, and is counted where it would stand.
        with suppress(LiquidError):
            templates += [fragment(environment, source) for environment in (HTML, TEXT)]
    tree: Tree = {}
    for path in (path for template in templates for path in _paths(template)):
        if not path:
            return None
        _add(tree, path)
    return tree


def pools_in(tree: Tree | None) -> frozenset[str]:
    """Return the keys of the pools of which a coupon is shown, as `coupons.KEY`."""
    below = (tree or {}).get("coupons")
    return frozenset(below or ())


def kept(context: Mapping[str, Any], tree: Tree | None) -> dict[str, Any]:
    """Return what of a context is read; dictionaries in the order in which PostgreSQL gives JSON back.

    A recommended product holds what is read of `product`, unless the template has the shelves themselves in its hand.
    What is stored for products that are chosen at each opening is kept whole.
    """
    if tree is None:
        return _ordered(context)
    found = _below(context, tree)
    if "recommendations" not in tree and "recommendations" in context:
        found["recommendations"] = _of_products(context["recommendations"], tree.get("product", {}))
    if "open_time" in context:
        found["open_time"] = context["open_time"]
    return _ordered(found)


def _paths(template: MessageTemplate) -> Iterable[tuple[str, ...]]:
    for uses in template.analyze().variables.values():
        for use in uses:
            yield _named(use.segments)


def _named(segments: Sequence[Any]) -> tuple[str, ...]:
    """The names at the beginning of a path: what follows an index or a computed name is part of the whole."""
    names: list[str] = []
    for segment in segments:
        if not isinstance(segment, str) or segment in _OF_THE_WHOLE:
            break
        names.append(segment)
    return tuple(names)


def _add(tree: Tree, path: tuple[str, ...]) -> None:
    name, *rest = path
    if not rest:
        tree[name] = None
        return
    below = tree.setdefault(name, {})
    if below is not None:
        _add(below, tuple(rest))


def _below(value: Any, tree: Tree | None) -> Any:
    if tree is None or not isinstance(value, dict):
        return value
    return {name: _below(value[name], below) for name, below in tree.items() if name in value}


def _of_products(shelves: Any, tree: Tree | None) -> Any:
    if isinstance(shelves, dict):
        return {strategy: _of_products(products, tree) for strategy, products in shelves.items()}
    return [_below(product, tree) for product in shelves]


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _ordered(value[name]) for name in _order(tuple(value))}
    return [_ordered(one) for one in value] if isinstance(value, list | tuple) else value


@lru_cache(maxsize=4096)
def _order(names: tuple[str, ...]) -> list[str]:
    return sorted(names, key=lambda name: (len(name.encode()), name.encode()))
