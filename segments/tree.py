"""Segments with their sub-segments below them."""

from collections import defaultdict
from collections.abc import Iterable

from segments.models import Segment


def flattened(segments: Iterable[Segment]) -> list[tuple[int, Segment]]:
    """Return the segments by name, each followed by its sub-segments, with how deep it stands.

    One whose parent is not among them stands at the top.
    """
    shown = sorted(segments, key=lambda one: (one.name.casefold(), one.pk))
    here = {one.pk for one in shown}
    below: dict[int | None, list[Segment]] = defaultdict(list)
    for one in shown:
        below[one.parent_id if one.parent_id in here else None].append(one)
    rows: list[tuple[int, Segment]] = []

    def add(parent: int | None, depth: int) -> None:
        for one in below.pop(parent, ()):
            rows.append((depth, one))
            add(one.pk, depth + 1)

    add(None, 0)
    for rest in list(below):  # parents in a circle, which no form stores
        add(rest, 0)
    return rows
