"""Segments built on segments: in which order they are judged, and why some cannot be."""

from collections.abc import Callable, Iterable

from segments.conditions import ConditionError, needs, parse
from segments.models import Segment


class CycleError(ValueError):
    """Segments that wait for each other."""


def references(document: object) -> frozenset[str]:
    """Return the keys of the segments that a stored condition mentions; none where it cannot be read."""
    try:
        return needs(parse(document)).segments
    except ConditionError:
        return frozenset()


def in_order(
    segments: Iterable[Segment], *, on_circle: Callable[[CycleError], None] | None = None
) -> list[Segment]:
    """Return the segments so that each comes after those it is built on; by id where that leaves a choice.

    Raises CycleError with a sentence that names the circle, or hands it to `on_circle` and goes on.
    """
    by_key = {segment.key: segment for segment in sorted(segments, key=lambda segment: segment.pk or 0)}
    ordered: dict[str, Segment] = {}

    def visit(key: str, trail: tuple[str, ...]) -> None:
        if key in trail:
            circle = [*trail[trail.index(key) :], key]
            names = [f"“{by_key[each].name}”" for each in circle]
            error = CycleError(f"{names[0]} is built on {', which is built on '.join(names[1:])}.")
            if on_circle is None:
                raise error
            on_circle(error)
            return
        if key in ordered or key not in by_key:
            return
        for below in sorted(references(by_key[key].condition)):
            visit(below, (*trail, key))
        ordered[key] = by_key[key]

    for key in by_key:
        visit(key, ())
    return list(ordered.values())


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


def problem_with(segment: Segment) -> str | None:
    """Return a sentence on what the segment's references lack, or None; for a check before saving."""
    wanted = references(segment.condition) - {segment.key}
    known = set(Segment.objects.filter(key__in=wanted).values_list("key", flat=True))
    if missing := sorted(wanted - known):
        return f"There is no segment with the key {', '.join(missing)}."
    try:
        built_on(segment)
    except CycleError as error:
        return str(error)
    return None
