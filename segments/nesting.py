"""What is built on what: in which order segments are judged, and why some cannot be.

Conditions read segments, stages of the lifecycle and scores. Whoever makes one of these by conditions is a node;
apps beside segments tell of theirs by `settings.CONDITION_NODES`.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from segments.conditions import ConditionError, needs, parse
from segments.models import Segment

Reference = tuple[str, str]
SEGMENT, STAGE, SCORE = "segment", "stage", "score"


class CycleError(ValueError):
    """Segments, stages or scores that wait for each other."""


@dataclass(frozen=True, slots=True)
class Node:
    """A segment, stage or score that is decided by conditions, or by other ones in `after`."""

    reference: Reference
    name: str
    document: Any
    after: frozenset[Reference] = frozenset()

    def built_on(self) -> frozenset[Reference]:
        """Return what has to be known before it can be decided."""
        return self.after | all_references(self.document)


def all_references(document: object) -> frozenset[Reference]:
    """Return the segments, stages and scores that a stored condition reads; none where it cannot be read."""
    try:
        wanted = needs(parse(document))
    except ConditionError:
        return frozenset()
    kinds = ((SEGMENT, wanted.segments), (STAGE, wanted.stages), (SCORE, wanted.scores))
    return frozenset((kind, key) for kind, keys in kinds for key in keys)


def references(document: object) -> frozenset[str]:
    """Return the keys of the segments that a stored condition mentions; none where it cannot be read."""
    return frozenset(key for kind, key in all_references(document) if kind == SEGMENT)


def node_of(segment: Segment) -> Node:
    """Return the segment as a node."""
    return Node((SEGMENT, segment.key), segment.name, segment.condition)


def other_nodes() -> list[Node]:
    """Return the stages and scores that are made by conditions, as the apps in settings tell."""
    return [node for told in settings.CONDITION_NODES for node in import_string(told)()]


def sorted_nodes(
    nodes: Iterable[Node], *, on_circle: Callable[[CycleError], None] | None = None
) -> list[Node]:
    """Return the nodes so that each comes after those it is built on; as given where that leaves a choice.

    Raises CycleError with a sentence that names the circle, or hands it to `on_circle` and goes on.
    """
    known = {node.reference: node for node in nodes}
    ordered: dict[Reference, Node] = {}

    def visit(reference: Reference, trail: tuple[Reference, ...]) -> None:
        if reference in trail:
            circle = [*trail[trail.index(reference) :], reference]
            names = [f"“{known[each].name}”" for each in circle]
            error = CycleError(f"{names[0]} is built on {', which is built on '.join(names[1:])}.")
            if on_circle is None:
                raise error
            on_circle(error)
            return
        if reference in ordered or reference not in known:
            return
        for below in sorted(known[reference].built_on()):
            visit(below, (*trail, reference))
        ordered[reference] = known[reference]

    for reference in known:
        visit(reference, ())
    return list(ordered.values())


def in_order(
    segments: Iterable[Segment], *, on_circle: Callable[[CycleError], None] | None = None
) -> list[Segment]:
    """Return the segments so that each comes after those it is built on; by id where that leaves a choice.

    Raises CycleError with a sentence that names the circle, or hands it to `on_circle` and goes on.
    """
    by_key = {segment.key: segment for segment in sorted(segments, key=lambda segment: segment.pk or 0)}
    ordered = sorted_nodes(map(node_of, by_key.values()), on_circle=on_circle)
    return [by_key[node.reference[1]] for node in ordered]


def built_on(segment: Segment) -> list[Segment]:
    """Return the segments that have to be judged before this one, in order; itself not among them.

    Raises CycleError.
    """
    others = {other.key: other for other in Segment.objects.exclude(key=segment.key)}
    wanted: dict[str, Segment] = {}
    waiting = list(references(segment.condition))
    while waiting:
        key = waiting.pop()
        if key == segment.key:
            in_order([*others.values(), segment])
        if key in others and key not in wanted:
            wanted[key] = others[key]
            waiting.extend(references(others[key].condition))
    return in_order(wanted.values())


def dependants(segment: Segment) -> list[Segment]:
    """Return the segments that are built on this one, directly or not, in the order to judge them."""
    ordered = in_order(Segment.objects.all())
    reached = {segment.key}
    for other in ordered:
        if references(other.condition) & reached:
            reached.add(other.key)
    return [other for other in ordered if other.key in reached and other.key != segment.key]


def circle_with(changed: Iterable[Node]) -> str | None:
    """Return a sentence on the circle that these nodes would close, or None; for a check before they are saved."""
    wanted = {node.reference: node for node in changed}
    stored = [*map(node_of, Segment.objects.order_by("pk")), *other_nodes()]
    others = [node for node in stored if node.reference not in wanted]
    try:
        sorted_nodes([*wanted.values(), *others])
    except CycleError as error:
        # Of a circle elsewhere they are innocent.
        return str(error) if any(f"“{node.name}”" in str(error) for node in wanted.values()) else None
    return None


def problem_with(segment: Segment) -> str | None:
    """Return a sentence on what the segment's references lack, or None; for a check before saving."""
    wanted = references(segment.condition) - {segment.key}
    known = set(Segment.objects.filter(key__in=wanted).values_list("key", flat=True))
    if missing := sorted(wanted - known):
        return f"There is no segment with the key {', '.join(missing)}."
    return circle_with([node_of(segment)])
