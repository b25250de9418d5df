"""How the scores of a kind lie among customers, for the pages: counted at most once in ten minutes."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection

from common.charts import Chart, Series
from common.figures import integer, money, percent
from common.money import exponent
from recommendations.predictions.interest import PREFIX

BINS = 20
KEPT_SECONDS = 600
MOST_DRAWN = 12
_ENDS = """
SELECT count(*), max(computed_at), min(value), max(value),
  percentile_cont(ARRAY[0.2, 0.5, 0.8, 0.98]) WITHIN GROUP (ORDER BY value)
FROM customers_score WHERE kind = %(kind)s
"""
_COUNT = """
SELECT least(floor((value - %(low)s) / %(step)s + 1e-9)::int, %(last)s), count(*)
FROM customers_score WHERE kind = %(kind)s GROUP BY 1
"""
_INTERESTS = """
SELECT substr(kind, %(from)s), count(*), count(*) FILTER (WHERE value >= 0.5), max(computed_at)
FROM customers_score WHERE kind LIKE %(prefix)s || '%%'
GROUP BY kind ORDER BY count(*) DESC, kind
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Distribution:
    """Scores of one kind: how many customers have one, a fifth of them below `low_fifth`, half below `median`."""

    customers: int
    as_of: datetime
    low_fifth: str
    median: str
    high_fifth: str
    chart: Chart


@dataclass(frozen=True, slots=True, kw_only=True)
class Interest:
    """A category with the customers who were ever there, and those for whom it is at least half of what they do."""

    path: str
    visitors: int
    devoted: int

    @property
    def kind(self) -> str:
        """The score's name in conditions."""
        return f"{PREFIX}{self.path}"


def distribution(kind: str) -> Distribution | None:
    """How the scores of `kind` lie now; None where nobody has one. Two queries in ten minutes."""
    return cache.get_or_set(f"predictions:distribution:{kind}", lambda: _read(kind), timeout=KEPT_SECONDS)


def interests() -> tuple[Sequence[Interest], datetime | None]:
    """Each category that has scores, the most visited first, and as of when; one query in ten minutes."""
    rows = cache.get_or_set("predictions:interests", _read_interests, timeout=KEPT_SECONDS) or []
    found = [Interest(path=path, visitors=visitors, devoted=devoted) for path, visitors, devoted, _ in rows]
    return found, max((at for *_, at in rows), default=None)


def interest_chart(found: Sequence[Interest]) -> Chart:
    """The most visited categories: who was there, and who does half of everything there."""
    shown = found[:MOST_DRAWN]
    return Chart(
        title="The most visited categories",
        kind="bar",
        category_label="Category",
        categories=[one.path for one in shown],
        series=[
            Series(name="Looked, put into the cart or bought", values=[one.visitors for one in shown]),
            Series(name="At least half of what they do is here", values=[one.devoted for one in shown]),
        ],
    )


def _read(kind: str) -> Distribution | None:
    with connection.cursor() as cursor:
        cursor.execute(_ENDS, {"kind": kind})
        customers, as_of, low, high, points = cursor.fetchone()
        if not customers:
            return None
        steps = _steps(low, high, points[3])
        values: dict[str, str | float] = {
            "kind": kind,
            "low": steps.first,
            "step": steps.size,
            "last": steps.count - 1,
        }
        cursor.execute(_COUNT, values)
        counts = dict(cursor.fetchall())
    shown = _format(kind, steps.size)
    names = [f"{shown(one)} – {shown(one + steps.size)}" for one in steps.edges]
    if high > steps.edges[-1] + steps.size:
        names[-1] = f"{shown(steps.edges[-1])} and more"
    low_fifth, median, high_fifth, _ = (shown(point) for point in points)
    return Distribution(
        customers=customers,
        as_of=as_of,
        low_fifth=low_fifth,
        median=median,
        high_fifth=high_fifth,
        chart=Chart(
            title="How many customers have which score",
            kind="column",
            category_label="Score",
            categories=names,
            series=[Series(name="Customers", values=[counts.get(at, 0) for at in range(steps.count)])],
        ),
    )


@dataclass(frozen=True, slots=True)
class _Steps:
    """`count` steps of one size, a round number, the first of which begins at `first`."""

    first: float
    size: float
    count: int

    @property
    def edges(self) -> list[float]:
        return [self.first + self.size * at for at in range(self.count)]


def _steps(low: float, high: float, most: float) -> _Steps:
    """Round steps from `low` to `high`, or to `most` where a few values lie far beyond it."""
    top = most if high > 2 * most > 2 * low else high
    rough = (top - low) / BINS or abs(low) or 1.0
    magnitude = 10.0 ** math.floor(math.log10(rough))
    size = next(one * magnitude for one in (1, 2, 5, 10) if one * magnitude >= rough * 0.999)
    first = math.floor(low / size + 1e-9) * size
    return _Steps(first, size, max(1, math.ceil((top - first) / size - 1e-9)))


def _read_interests() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(_INTERESTS, {"prefix": PREFIX, "from": len(PREFIX) + 1})
        return cursor.fetchall()


def _format(kind: str, step: float) -> Callable[[float], str]:
    """How a score of this kind is written: money, points of a hundred, or a chance."""
    if kind == "ltv":
        places = exponent(settings.REPORTING_CURRENCY)
        return lambda value: money(round(value * 10**places), settings.REPORTING_CURRENCY)
    if kind == "engagement":
        return lambda value: integer(round(value))
    digits = max(0, -math.floor(math.log10(step * 100) + 1e-9))
    return lambda value: percent(value, digits)
