"""How many are where: counters that are kept in the transaction that moves somebody."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from django.db import connection
from django.db.models import Q, Sum

from campaigns.models import JourneyVersion, StepCount

Counts = Counter[tuple[int, str, str]]
"""Additions by (version, step, outcome)."""

_ADD = """
INSERT INTO campaigns_stepcount AS c (version_id, step, outcome, count)
SELECT * FROM unnest(%s::bigint[], %s::text[], %s::text[], %s::bigint[])
ON CONFLICT (version_id, step, outcome) DO UPDATE SET count = c.count + EXCLUDED.count
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFigures:
    """How many came to a step, how many left it and how, and how many are there."""

    arrived: int
    outcomes: Mapping[str, int]

    @property
    def here(self) -> int:
        """How many stand there now."""
        return self.arrived - sum(self.outcomes.values())


def add(counts: Counts) -> None:
    """Add to the counters, sorted; the last thing that a transaction does, since others wait for these rows."""
    rows = sorted(key for key, number in counts.items() if number)
    if not rows:
        return
    versions, steps, outcomes = zip(*rows, strict=True)
    with connection.cursor() as cursor:
        cursor.execute(_ADD, [list(versions), list(steps), list(outcomes), [counts[key] for key in rows]])


def on_their_way(journey_ids: Iterable[int]) -> dict[int, int]:
    """Return how many are on their way in each of these journeys, in whichever version; one query."""
    arrived = Q(outcome=StepCount.ARRIVED)
    sums = (
        StepCount.objects.filter(version__journey__in=list(journey_ids))
        .values("version__journey")
        .annotate(came=Sum("count", filter=arrived, default=0), left=Sum("count", filter=~arrived, default=0))
    )
    return {row["version__journey"]: row["came"] - row["left"] for row in sums}


def figures_of(version: JourneyVersion) -> dict[str, StepFigures]:
    """Return the figures of each step that anybody came to; one query."""
    arrived: Counter[str] = Counter()
    outcomes: dict[str, dict[str, int]] = {}
    for row in StepCount.objects.filter(version=version).order_by("step", "outcome"):
        if row.outcome == StepCount.ARRIVED:
            arrived[row.step] += row.count
        else:
            outcomes.setdefault(row.step, {})[row.outcome] = row.count
    return {
        step: StepFigures(arrived=arrived[step], outcomes=outcomes.get(step, {}))
        for step in sorted({*arrived, *outcomes})
    }
