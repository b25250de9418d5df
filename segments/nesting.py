"""Segments built on segments and stages: in which order they are judged, and why some cannot be."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from segments.conditions import ConditionError, Needs, needs, parse
from segments.models import LifecycleStage, Segment
from segments.reading import UNKNOWN, Reading, reading_of

LIFECYCLE = "the lifecycle"
"""The stages together, as a node between segments; no key of a segment has a space."""
OnCircle = Callable[["CycleError"], None]


class CycleError(ValueError):
    """Segments that wait for each other."""


@dataclass(frozen=True, slots=True)
class Node:
    """A segment or the lifecycle: what it is called, what it reads itself, and the keys of what it is built on."""

    name: str
    reading: Reading
    below: frozenset[str]


@dataclass(slots=True)
class Graph:
    """Segments by key, and how they and the lifecycle hang together."""

    segments: dict[str, Segment] = field(default_factory=dict)
    nodes: dict[str, Node] = field(default_factory=dict)

    def order(self, wanted: Iterable[str] | None = None, *, on_circle: OnCircle | None = None) -> list[str]:
        """Return the keys (those wanted, with all below them) so that each comes after those it is built on.

        Raises CycleError with a sentence that names the circle, or hands it to `on_circle` and goes on.
        """
        ordered: dict[str, None] = {}

        def visit(key: str, trail: tuple[str, ...]) -> None:
            if key in trail:
                circle = [*trail[trail.index(key) :], key]
                names = [self.nodes[each].name for each in circle]
                error = CycleError(f"{names[0]} is built on {', which is built on '.join(names[1:])}.")
                if on_circle is None:
                    raise error
                on_circle(error)
                return
            if key in ordered or key not in self.nodes:
                return
            for below in sorted(self.nodes[key].below):
                visit(below, (*trail, key))
            ordered[key] = None

        for key in self.nodes if wanted is None else wanted:
            visit(key, ())
        return list(ordered)

    def above(self, key: str) -> list[str]:
        """Return what is built on this one, directly or not, in the order to judge it."""
        reached = {key}
        for other in self.order(on_circle=lambda circle: None):
            if self.nodes[other].below & reached:
                reached.add(other)
        return [other for other in self.order(on_circle=lambda circle: None) if other in reached - {key}]

    def readings(self, order: Iterable[str]) -> dict[str, Reading]:
        """Return what each reads, with all that it is built on; in a circle, everything."""
        found: dict[str, Reading] = {}
        for key in order:
            total = self.nodes[key].reading
            for below in self.nodes[key].below & self.nodes.keys():
                total |= found.get(below, UNKNOWN)
            found[key] = total
        return found


def graph_of(segments: Iterable[Segment], stages: Iterable[LifecycleStage] | None = None) -> Graph:
    """Return how these segments and stages (those stored, when None) hang together; parents are read."""
    graph = Graph()
    for segment in sorted(segments, key=lambda one: one.pk or 0):
        graph.segments[segment.key] = segment
        graph.nodes[segment.key] = _segment_node(segment)
    graph.nodes[LIFECYCLE] = _lifecycle_node(LifecycleStage.objects.all() if stages is None else stages)
    return graph


def _segment_node(segment: Segment) -> Node:
    reading, below = (Reading(), frozenset()) if segment.is_static else _of_document(segment.condition)
    if segment.parent is not None:
        below |= {segment.parent.key}
    return Node(f"“{segment.name}”", reading, below)


def _lifecycle_node(stages: Iterable[LifecycleStage]) -> Node:
    total, below = Reading(), frozenset[str]()
    for stage in stages:
        if stage.condition is not None:
            reading, keys = _of_document(stage.condition)
            total, below = total | reading, below | keys
    return Node("the lifecycle", total, below)


def _of_document(document: object) -> tuple[Reading, frozenset[str]]:
    try:
        condition = parse(document)
    except ConditionError:
        return UNKNOWN, frozenset()
    return reading_of(condition), _keys(needs(condition))


def _keys(wanted: Needs) -> frozenset[str]:
    return wanted.segments | ({LIFECYCLE} if wanted.stages else frozenset())


def references(document: object) -> frozenset[str]:
    """Return the keys of the segments that a stored condition mentions; none where it cannot be read."""
    try:
        return needs(parse(document)).segments
    except ConditionError:
        return frozenset()


def built_on(segment: Segment) -> list[Segment]:
    """Return the segments that have to be judged before this one, in order; itself not among them.

    Raises CycleError.
    """
    graph = _with(segment)
    return [graph.segments[key] for key in graph.order([segment.key]) if key not in (segment.key, LIFECYCLE)]


def dependants(segment: Segment) -> list[Segment]:
    """Return the segments that are built on this one, directly or not, in the order to judge them."""
    graph = _with(segment)
    return [graph.segments[key] for key in graph.above(segment.key) if key != LIFECYCLE]


def problem_with(segment: Segment) -> str | None:
    """Return a sentence on why the segment cannot be saved as it stands, or None."""
    if segment.archived_at is not None:
        return f"“{segment.name}” is archived: restore it first, then change it."
    if not segment.is_static and (problem := _missing(segment.condition)):
        return problem
    if segment.parent is not None and segment.parent.archived_at is not None:
        return f"“{segment.parent.name}” is archived: nothing can be part of it."
    return _circle(_with(segment), segment.key)


def problem_with_stages(stages: Iterable[LifecycleStage]) -> str | None:
    """Return a sentence on what the conditions of all stages lack, or None; for a check before saving."""
    stages = list(stages)
    for stage in stages:
        if stage.condition is not None and (problem := _missing(stage.condition)):
            return f"{stage.name}: {problem}"
    return _circle(graph_of(Segment.objects.select_related("parent"), stages), LIFECYCLE)


def _circle(graph: Graph, key: str) -> str | None:
    try:
        graph.order([key])
    except CycleError as error:
        return str(error)
    return None


def _missing(document: object) -> str | None:
    wanted = needs(parse(document))
    found = dict(Segment.objects.filter(key__in=wanted.segments).values_list("key", "archived_at"))
    if missing := sorted(wanted.segments - found.keys()):
        return f"There is no segment with the key {', '.join(missing)}."
    if archived := sorted(key for key, at in found.items() if at is not None):
        return f"The segment {', '.join(archived)} is archived."
    known = set(LifecycleStage.objects.filter(key__in=wanted.stages).values_list("key", flat=True))
    if missing := sorted(wanted.stages - known):
        return f"There is no stage with the key {', '.join(missing)}."
    return None


def _with(segment: Segment) -> Graph:
    """The graph of what is stored, with this segment as it is in memory."""
    others = Segment.objects.select_related("parent").exclude(key=segment.key)
    return graph_of([*others, segment])
