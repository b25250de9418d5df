"""Whether the segments are worth their keep: how many, how alike, how lively, how dear, and who uses them."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import combinations
from typing import Any

from django.db import connection
from django.db.models import Count, Max, Q, Sum

from common.clock import now
from segments.models import Segment, SegmentDay

CORE = range(5, 11)
MOST_COMPARED = 16
MOST_ROWS = 2_000_000
ALIKE = 0.8
IDLE_DAYS = 30

# One pass: which of the compared segments each customer is in, as bits, and how many are in the same ones.
_TOGETHER = """
SELECT mask, count(*) FROM (
    SELECT member.customer_id, bit_or(1::bigint << chosen.place::int) AS mask
    FROM segments_segmentmembership member
    JOIN unnest(%s::bigint[]) WITH ORDINALITY AS chosen (id, place) ON chosen.id = member.segment_id
    WHERE member.segment_id = ANY(%s) AND member.customer_id %% %s = 0
    GROUP BY member.customer_id
) one GROUP BY mask
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One segment: what it costs, how lively it is, who uses it, and what is the matter with it."""

    segment: Segment
    users: int
    entered: int
    left: int
    idle_since: date | None
    problems: list[str] = field(default_factory=list)

    @property
    def churn(self) -> float | None:
        """Who came and went in seven days, as a share of the members."""
        size = self.segment.member_count
        return (self.entered + self.left) / size if size else None


@dataclass(frozen=True, slots=True)
class Pair:
    """Two segments, how many are in both, and that as a share of those in either (Jaccard)."""

    first: Segment
    second: Segment
    both: int
    jaccard: float


@dataclass(frozen=True, slots=True)
class Overlap:
    """The compared segments, every pair of them, and of which part of all customers (1 in `one_in`) that is known."""

    segments: list[Segment]
    pairs: dict[tuple[int, int], Pair]
    one_in: int

    def rows(self) -> list[tuple[Segment, list[Pair | None]]]:
        """The matrix: a row a segment, with its pair in each column, None on the diagonal."""
        return [
            (one, [None if one.pk == other.pk else self.pair(one, other) for other in self.segments])
            for one in self.segments
        ]

    def pair(self, one: Segment, other: Segment) -> Pair:
        """The pair of these two, in whichever order."""
        return self.pairs[min(one.pk, other.pk), max(one.pk, other.pk)]

    def alike(self) -> list[Pair]:
        """Pairs that hold nearly the same people, the most alike first."""
        return sorted(
            (pair for pair in self.pairs.values() if pair.jaccard >= ALIKE), key=lambda pair: -pair.jaccard
        )


def rows() -> list[Row]:
    """Return all active segments by name with their figures; two queries."""
    today = now().date()
    segments = (
        Segment.objects.active()
        .select_related("parent")
        .annotate(users=Count("references"))
        .order_by("name", "pk")
    )
    week = Q(day__gt=today - timedelta(days=7))
    moved = Q(entered__gt=0) | Q(left__gt=0)
    days: dict[int, Any] = {
        found["segment"]: found
        for found in SegmentDay.objects.values("segment").annotate(
            came=Sum("entered", filter=week), went=Sum("left", filter=week), last=Max("day", filter=moved)
        )
    }
    return [_row(segment, days.get(segment.pk, {}), today) for segment in segments]


def overlap(chosen: Sequence[Segment]) -> Overlap:
    """Return how much the core segments, and then the biggest, hold the same people. One query.

    At most MOST_COMPARED are compared; where they have more than MOST_ROWS members together, by a part of them.
    """
    ranked = sorted(
        (one for one in chosen if one.member_count),
        key=lambda one: (not one.is_core, -one.member_count, one.pk),
    )
    segments = ranked[:MOST_COMPARED]
    one_in = 1 + sum(one.member_count for one in segments) // MOST_ROWS
    alone, both = _counted(segments, one_in)
    pairs = {}
    for a, b in combinations(sorted(segments, key=lambda one: one.pk), 2):
        shared = both[a.pk, b.pk]
        either = alone[a.pk] + alone[b.pk] - shared
        pairs[a.pk, b.pk] = Pair(a, b, shared * one_in, shared / either if either else 0.0)
    return Overlap(segments, pairs, one_in)


def _counted(segments: Sequence[Segment], one_in: int) -> tuple[Counter[int], Counter[tuple[int, int]]]:
    alone: Counter[int] = Counter()
    both: Counter[tuple[int, int]] = Counter()
    ids = sorted(one.pk for one in segments)
    if not ids:
        return alone, both
    with connection.cursor() as cursor:
        cursor.execute(_TOGETHER, [ids, ids, one_in])
        for mask, count in cursor.fetchall():
            inside = [id for place, id in enumerate(ids, start=1) if mask >> place & 1]
            for id in inside:
                alone[id] += count
            for pair in combinations(inside, 2):
                both[pair] += count
    return alone, both


def _row(segment: Segment, days: dict[str, Any], today: date) -> Row:
    last: date | None = days.get("last")
    long_ago = today - timedelta(days=IDLE_DAYS)
    users: int = segment.users  # type: ignore[attr-defined]
    found = {
        "empty": not segment.member_count,
        "inactive": segment.created_at.date() <= long_ago and (last is None or last <= long_ago),
        "unused": not users,
    }
    problems = [name for name, is_so in found.items() if is_so]
    return Row(segment, users, days.get("came") or 0, days.get("went") or 0, last, problems)
