"""What has to be known about a customer before a condition can be judged."""

from collections.abc import Iterator
from dataclasses import dataclass

from segments.conditions.nodes import (
    AllOf,
    AnyOf,
    Assigned,
    Comparison,
    Condition,
    Consented,
    Happened,
    InSegment,
    InStage,
    Not,
    Scored,
    steps,
)
from segments.conditions.vocabulary import Kind


@dataclass(frozen=True, slots=True)
class Needs:
    """The fields, events and neighbours that a condition reads; two of them can be joined with `|`."""

    fields: frozenset[str] = frozenset()
    events: frozenset[Happened] = frozenset()
    scores: frozenset[str] = frozenset()
    segments: frozenset[str] = frozenset()
    stages: frozenset[str] = frozenset()
    consents: frozenset[str] = frozenset()
    experiments: frozenset[str] = frozenset()
    categories: frozenset[str] = frozenset()
    products: frozenset[str] = frozenset()
    stores: frozenset[str] = frozenset()
    event_names: frozenset[str] = frozenset()

    def __or__(self, other: "Needs") -> "Needs":
        return Needs(*(getattr(self, name) | getattr(other, name) for name in Needs.__slots__))


def leaves(condition: Condition) -> Iterator[Condition]:
    """Yield the parts that are not groups."""
    match condition:
        case AllOf(parts) | AnyOf(parts):
            for part in parts:
                yield from leaves(part)
        case Not(part):
            yield from leaves(part)
        case _:
            yield condition


def needs(condition: Condition) -> Needs:
    """Return all that the condition reads."""
    total = Needs()
    for leaf in leaves(condition):
        total |= _of(leaf)
    return total


def _of(leaf: Condition) -> Needs:
    match leaf:
        case Comparison():
            return _of_comparison(leaf)
        case Happened():
            return _of_event(leaf)
        case Scored():
            return Needs(scores=frozenset({leaf.kind}))
        case InSegment():
            return Needs(segments=frozenset({leaf.key}))
        case InStage():
            return Needs(stages=frozenset(leaf.keys))
        case Consented():
            return Needs(consents=frozenset({leaf.purpose}))
        case Assigned():
            return Needs(experiments=frozenset({leaf.experiment}))
        case _:
            return Needs()


def _of_event(leaf: Happened) -> Needs:
    all_steps = list(steps(leaf))
    return Needs(
        events=frozenset({leaf}),
        categories=frozenset(path for step in all_steps for path in step.where.categories or ()),
        products=frozenset(name for step in all_steps for name in step.where.products or ()),
        event_names=frozenset(step.name for step in all_steps if step.name is not None),
    )


def _of_comparison(leaf: Comparison) -> Needs:
    fields = frozenset({leaf.field.path})
    names = frozenset(as_texts(leaf.value))
    if leaf.field.kind is Kind.CATEGORY:
        return Needs(fields=fields, categories=names)
    if leaf.field.kind is Kind.PRODUCT:
        return Needs(fields=fields, products=names)
    if leaf.field.kind is Kind.STORE:
        return Needs(fields=fields, stores=names)
    return Needs(fields=fields)


def as_texts(value: object) -> tuple[str, ...]:
    """Return a text or a tuple of texts as a tuple, anything else as none."""
    if isinstance(value, str):
        return (value,)
    return value if isinstance(value, tuple) else ()
