"""Which truths the leaves of conditions can have together: the worlds that `rules.logic` looks through.

For each thing that is asked about (a field, a score, one type of event …) `worlds_of` lists every combination of
verdicts that some customer could have. The lists may hold combinations that nobody can have, and never lack one that
somebody can: so what holds in all of them holds for everybody. Verdicts on values are taken by the evaluator itself.
"""

import operator
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise, product
from typing import Any

from segments.conditions import Assigned, Comparison, Condition, Happened, InStage, Scored, fold
from segments.conditions.needs import as_texts
from segments.conditions.nodes import Where
from segments.conditions.vocabulary import Kind
from segments.evaluator import matches
from segments.profiles import Catalogue, Profile

World = Mapping[Condition, bool]
MOST_WORLDS = 3000
# What this module understands; leaves that say more may or may not hold.
_EQUAL = frozenset({"eq", "ne", "in", "not_in", "is_missing", "is_present"})
_WRITTEN = _EQUAL | {"contains", "starts_with"}
_ORDERED = frozenset({"eq", "ne", "gt", "gte", "lt", "lte"})
_DATED = frozenset({"before", "after", "is_missing", "is_present"})
_COMPARED = {
    Kind.TEXT: _WRITTEN,
    Kind.COUNT: _ORDERED,
    Kind.TIME: _DATED | {"within", "older_than"},
    Kind.DATE: _DATED,
    Kind.BOOLEAN: frozenset({"eq"}),
    Kind.CATEGORY: _EQUAL,
    Kind.PRODUCT: _EQUAL,
    Kind.OPEN: _WRITTEN | _ORDERED,
}
_SCORED = frozenset({"gt", "gte", "lt", "lte", "top_percent", "bottom_percent"})
_PARTS: dict[type, frozenset[str]] = {
    Comparison: frozenset({"field", "op", "value"}),
    Scored: frozenset({"kind", "op", "value"}),
    InStage: frozenset({"keys"}),
    Assigned: frozenset({"experiment", "variant"}),
    Happened: frozenset(
        {"type", "name", "where", "least", "most", "within", "since", "until", "before", "not_followed_by"}
    ),
}
# Later than any window is long, so that spans and fixed times can be laid beside each other.
_NOW = datetime(2100, 1, 1, tzinfo=UTC)
_PATTERNS = ("contains", "starts_with")
_RELATIVE = ("within", "older_than")


class TooManyWorlds(Exception):
    """There are more combinations than are worth looking through."""


def worlds_of(leaves: Iterable[Condition]) -> list[list[World]]:
    """Return for each thing asked about the verdicts that can be. Raises TooManyWorlds."""
    groups: dict[object, list[Condition]] = defaultdict(list)
    for leaf in dict.fromkeys(leaves):
        groups[_subject(leaf) if _is_understood(leaf) else leaf].append(leaf)
    found = []
    for members in groups.values():
        seen: dict[tuple[bool, ...], World] = {}
        for world in _worlds(members):
            seen.setdefault(tuple(world[leaf] for leaf in members), world)
        found.append(list(seen.values()))
    return found


def _is_understood(leaf: Any) -> bool:
    """Whether the leaf says nothing beyond what its worlds take into account."""
    known = _PARTS.get(type(leaf), frozenset())
    if any(one.name not in known and getattr(leaf, one.name) != one.default for one in fields(leaf)):
        return False
    if isinstance(leaf, Comparison):
        return leaf.op in _COMPARED.get(leaf.field.kind, ())
    return not isinstance(leaf, Scored) or leaf.op in _SCORED


def _subject(leaf: Condition) -> object:
    match leaf:
        case Comparison(field):
            return ("field", field.source, field.name)
        case Scored(kind):
            return ("score", kind)
        case Assigned(experiment):
            return ("experiment", experiment)
        case InStage():
            return "stage"
        case Happened(type):
            return ("event", type)
    return leaf


def _worlds(leaves: Sequence[Any]) -> Iterator[World]:
    match leaves[0]:
        case leaf if not _is_understood(leaf):
            yield {leaf: False}
            yield {leaf: True}
        case Comparison(field):
            yield from _FIELDS[field.kind](leaves)
        case Scored():
            yield from _scores(leaves)
        case Assigned():
            yield from _assignments(leaves)
        case InStage():
            yield from _stages(leaves)
        case Happened():
            yield from _happenings(leaves)


def _combinations(values: Sequence[Any], count: int) -> Iterator[tuple[Any, ...]]:
    if len(values) ** count > MOST_WORLDS:
        raise TooManyWorlds
    return product(values, repeat=count)


def _judged(leaves: Sequence[Comparison], profile: Profile) -> dict[Condition, bool]:
    return {leaf: matches(leaf, profile, now=_NOW) for leaf in leaves}


def _with(leaves: Sequence[Comparison], value: Any) -> dict[Condition, bool]:
    return _judged(leaves, Profile(0, {leaves[0].field.path: value}))


def _around(numbers: Iterable[Any], step: Any) -> list[Any]:
    """Every given value with its neighbours: whatever a number is, one of these compares like it."""
    return sorted({near for one in numbers for near in (one - step, one, one + step)})


def _counts(leaves: Sequence[Comparison]) -> Iterator[World]:
    for value in _around((leaf.value for leaf in leaves), 1):
        yield _with(leaves, value)


def _dates(leaves: Sequence[Comparison]) -> Iterator[World]:
    days = [leaf.value for leaf in leaves if isinstance(leaf.value, date)] or [date(2000, 1, 1)]
    for value in [None, *_around(days, timedelta(days=1))]:
        yield _with(leaves, value)


def _times(leaves: Sequence[Comparison]) -> Iterator[World]:
    """A time beside spans back from now, and the same time beside fixed instants: how now lies to those is open."""
    fixed = [leaf for leaf in leaves if leaf.op not in _RELATIVE]
    moving = [leaf for leaf in leaves if leaf.op in _RELATIVE]
    tick = timedelta(microseconds=1)
    yield _with(leaves, None)
    instants = _around((leaf.value for leaf in fixed if leaf.value is not None), tick) or [_NOW]
    spans = _around([_NOW, *(_NOW - leaf.value for leaf in moving)], tick)  # type: ignore[operator]
    for instant, moment in product(instants, spans):
        world: dict[Condition, bool] = {}
        if fixed:
            world |= _with(fixed, instant)
        if moving:
            world |= _with(moving, moment)
        yield world


def _flags(leaves: Sequence[Comparison]) -> Iterator[World]:
    for value in (None, True, False):
        yield _with(leaves, value)


def _texts(leaves: Sequence[Comparison]) -> Iterator[World]:
    yield _with(leaves, None)
    for value in _named(leaves):
        yield _with(leaves, value)
    yield from _other_texts(leaves)


def _named(leaves: Sequence[Comparison]) -> list[str]:
    return sorted({fold(text) for leaf in leaves for text in as_texts(leaf.value)})


def _other_texts(leaves: Sequence[Comparison]) -> Iterator[dict[Condition, bool]]:
    """A text that no leaf names: it may contain, or start with, whatever does not contradict itself."""
    patterns = [leaf for leaf in leaves if leaf.op in _PATTERNS]
    others = [leaf for leaf in leaves if leaf.op not in _PATTERNS]
    rest: dict[Condition, bool] = {leaf: leaf.op in ("ne", "not_in", "is_present") for leaf in others}
    for truths in _combinations((False, True), len(patterns)):
        holding = [leaf for leaf, truth in zip(patterns, truths, strict=True) if truth]
        missed = [leaf for leaf in patterns if leaf not in holding]
        if _starts_agree(holding) and not any(_entails(one, leaf) for one in holding for leaf in missed):
            world: dict[Condition, bool] = dict(zip(patterns, truths, strict=True))
            yield world | rest


def _entails(one: Comparison, other: Comparison) -> bool:
    """Whether a text that fits the one pattern always fits the other."""
    longer, shorter = fold(str(one.value)), fold(str(other.value))
    if other.op == "contains":
        return shorter in longer
    return one.op == "starts_with" and longer.startswith(shorter)


def _starts_agree(holding: Sequence[Comparison]) -> bool:
    starts = sorted((fold(str(leaf.value)) for leaf in holding if leaf.op == "starts_with"), key=len)
    return all(long.startswith(short) for short, long in pairwise(starts))


def _own_values(leaves: Sequence[Comparison]) -> Iterator[World]:
    """An own attribute: missing, yes or no, a number, a text, or something else that is there."""

    def having(value: Any) -> dict[Condition, bool]:
        return _judged(leaves, Profile(0, attributes={leaves[0].field.name: value}))

    numbers = [leaf.value for leaf in leaves if isinstance(leaf.value, Decimal)]
    between = [(low + high) / 2 for low, high in pairwise(sorted(numbers))]
    ends = [min(numbers) - 1, max(numbers) + 1] if numbers else [Decimal(0)]
    for value in (None, True, False, [0], *numbers, *between, *ends, *_named(leaves)):
        yield having(value)
    of_text = [leaf for leaf in leaves if not isinstance(leaf.value, bool | Decimal)]
    others = [leaf for leaf in leaves if isinstance(leaf.value, bool | Decimal)]
    for world in _other_texts(of_text):
        yield {**world, **dict.fromkeys(others, False)}


def _categories(leaves: Sequence[Comparison]) -> Iterator[World]:
    """A category has as its neighbours above a chain of those that are named: the lowest of them stands for it."""
    paths = _named(leaves)
    names = {text for leaf in leaves for text in as_texts(leaf.value)}
    ids = {path: number for number, path in enumerate(paths, start=1)}
    below = {
        name: frozenset(id for path, id in ids.items() if f"{path}/".startswith(f"{fold(name)}/"))
        for name in names
    }
    yield from _catalogued(leaves, (None, 0, *ids.values()), Catalogue(categories=below))


def _products(leaves: Sequence[Comparison]) -> Iterator[World]:
    names = sorted({text for leaf in leaves for text in as_texts(leaf.value)})
    ids = {name: frozenset({number}) for number, name in enumerate(names, start=1)}
    yield from _catalogued(leaves, (None, 0, *range(1, len(names) + 1)), Catalogue(products=ids))


def _catalogued(leaves: Sequence[Comparison], values: Iterable[Any], catalogue: Catalogue) -> Iterator[World]:
    for value in values:
        yield _judged(leaves, Profile(0, {leaves[0].field.path: value}, catalogue=catalogue))


def _scores(leaves: Sequence[Scored]) -> Iterator[World]:
    yield dict.fromkeys(leaves, False)
    limits = sorted({leaf.value for leaf in leaves if not leaf.op.endswith("percent")}) or [0.0]
    values = [*limits, *((low + high) / 2 for low, high in pairwise(limits)), limits[0] - 1, limits[-1] + 1]
    shares = [leaf for leaf in leaves if leaf.op.endswith("percent")]
    cuts = {leaf.value if leaf.op == "bottom_percent" else 100 - leaf.value for leaf in shares}
    edges = sorted(cuts | {0.0, 100.0})
    percentiles = [*edges, *((low + high) / 2 for low, high in pairwise(edges))]
    for value, percentile in product(values, percentiles):
        profile = Profile(0, scores={leaves[0].kind: (value, percentile)})
        yield {leaf: matches(leaf, profile, now=_NOW) for leaf in leaves}


def _assignments(leaves: Sequence[Assigned]) -> Iterator[World]:
    yield dict.fromkeys(leaves, False)
    drawn = {leaf.variant for leaf in leaves if leaf.variant is not None}
    for variant in [*sorted(drawn), None]:
        yield {leaf: leaf.variant is None or leaf.variant == variant for leaf in leaves}


def _stages(leaves: Sequence[InStage]) -> Iterator[World]:
    """Everybody stands in one stage at most."""
    for stage in ("", *sorted({key for leaf in leaves for key in leaf.keys})):
        yield {leaf: stage in leaf.keys for leaf in leaves}


def _happenings(leaves: Sequence[Happened]) -> Iterator[World]:
    """How often each kind of event was seen: a narrower kind never more often than one that includes it."""
    kinds = list(dict.fromkeys(map(_kind_of_event, leaves)))
    limits = {leaf.least for leaf in leaves} | {leaf.most + 1 for leaf in leaves if leaf.most is not None}
    within = [
        (small, large)
        for small, large in product(range(len(kinds)), repeat=2)
        if small != large and _is_part(kinds[small], kinds[large])
    ]
    for times in _combinations(sorted({0} | limits), len(kinds)):
        if all(times[small] <= times[large] for small, large in within):
            seen = dict(zip(kinds, times, strict=True))
            yield {leaf: _so_often(leaf, seen[_kind_of_event(leaf)]) for leaf in leaves}


def _so_often(leaf: Happened, times: int) -> bool:
    return leaf.least <= times and (leaf.most is None or times <= leaf.most)


def _kind_of_event(leaf: Happened) -> Happened:
    return replace(leaf, least=1, most=None)


def _is_part(small: Happened, large: Happened) -> bool:
    """Whether every event of the one kind is of the other too; what is not known here has to be the same."""
    known = {"where", "within", "since", "until", "not_followed_by", "least", "most"}
    same = all(
        getattr(small, one.name) == getattr(large, one.name) for one in fields(small) if one.name not in known
    )
    followed = large.not_followed_by in (None, small.not_followed_by)
    return same and followed and _window_within(small, large) and _where_within(small.where, large.where)


def _window_within(small: Happened, large: Happened) -> bool:
    ends = large.until is None or (small.until is not None and small.until <= large.until)
    return ends and _begins_within(small, large)


def _begins_within(small: Happened, large: Happened) -> bool:
    if large.within is not None:
        return small.within is not None and small.within <= large.within
    return large.since is None or (small.since is not None and large.since <= small.since)


def _where_within(small: Where, large: Where) -> bool:
    return all(
        _AMONG.get(one.name, _same)(getattr(small, one.name), getattr(large, one.name))
        for one in fields(small)
    )


def _same(small: Any, large: Any) -> bool:
    return bool(small == large)


def _paths_within(small: tuple[str, ...] | None, large: tuple[str, ...] | None) -> bool:
    if large is None or small is None:
        return large is None
    return all(any(f"{fold(path)}/".startswith(f"{fold(above)}/") for above in large) for path in small)


def _names_within(small: tuple[str, ...] | None, large: tuple[str, ...] | None) -> bool:
    return large is None or (small is not None and set(small) <= set(large))


def _bounds_within(small: Sequence[tuple[str, int]], large: Sequence[tuple[str, int]]) -> bool:
    if not large:
        return True
    tried = _around((bound for _, bound in (*small, *large)), 1)
    return bool(small) and all(_meets(number, large) for number in tried if _meets(number, small))


def _meets(number: int, bounds: Sequence[tuple[str, int]]) -> bool:
    return all(_SIGNS[op](number, bound) for op, bound in bounds)


def _text_within(small: str | None, large: str | None) -> bool:
    return large is None or (small is not None and fold(small) == fold(large))


_SIGNS: dict[str, Callable[[int, int], bool]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}
_AMONG: dict[str, Callable[[Any, Any], bool]] = {
    "categories": _paths_within,
    "products": _names_within,
    "value_minor": _bounds_within,
    "quantity": _bounds_within,
    "currency": _text_within,
    "source": _text_within,
}
_FIELDS = {
    Kind.TEXT: _texts,
    Kind.COUNT: _counts,
    Kind.TIME: _times,
    Kind.DATE: _dates,
    Kind.BOOLEAN: _flags,
    Kind.CATEGORY: _categories,
    Kind.PRODUCT: _products,
    Kind.OPEN: _own_values,
}
