"""How the scores of a kind lie among customers, for the pages: counted at most once in ten minutes."""

from __future__ import annotations

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
_COUNT = """
WITH ends AS (
  SELECT min(value) AS low, max(value) AS high, count(*) AS customers, max(computed_at) AS as_of,
    percentile_cont(ARRAY[0.2, 0.5, 0.8, 0.98]) WITHIN GROUP (ORDER BY value) AS points
  FROM customers_score WHERE kind = %(kind)s
), range AS (
  SELECT *, CASE WHEN high > 2 * points[4] AND points[4] > low THEN points[4] ELSE high END AS top FROM ends
)
SELECT r.customers, r.as_of, r.low, r.top, r.high, r.points,
  ARRAY(
    SELECT count(s.value) FROM generate_series(1, %(bins)s) AS bin LEFT JOIN customers_score s
      ON s.kind = %(kind)s AND bin = CASE WHEN r.top > r.low
        THEN least(width_bucket(s.value, r.low, r.top, %(bins)s), %(bins)s) ELSE 1 END
    GROUP BY bin ORDER BY bin
  )
FROM range r
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
    """How the scores of `kind` lie now; None where nobody has one. One query in ten minutes."""
    found = _kept(f"predictions:distribution:{kind}", lambda: _counted(kind))
    if not found or not found[0]:
        return None
    customers, as_of, low, top, high, points, counts = found
    shown = _format(kind)
    step = (top - low) / BINS
    edges = [low + step * number for number in range(BINS)] if step else [low]
    names = [f"{shown(edge)} – {shown(edge + step)}" if step else shown(edge) for edge in edges]
    if high > top:
        names[-1] = f"{shown(edges[-1])} and more"
    low_fifth, median, high_fifth, _ = points
    return Distribution(
        customers=customers,
        as_of=as_of,
        low_fifth=shown(low_fifth),
        median=shown(median),
        high_fifth=shown(high_fifth),
        chart=Chart(
            title="How many customers have which score",
            kind="column",
            category_label="Score",
            categories=names,
            series=[Series(name="Customers", values=counts[: len(names)])],
        ),
    )


def interests() -> tuple[Sequence[Interest], datetime | None]:
    """Each category that has scores, the most visited first, and as of when; one query in ten minutes."""
    rows = _kept("predictions:interests", _counted_interests)
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


def _kept(key: str, count: Callable[[], Any]) -> Any:
    return cache.get_or_set(key, count, timeout=KEPT_SECONDS)


def _counted(kind: str) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(_COUNT, {"kind": kind, "bins": BINS})
        return cursor.fetchone()


def _counted_interests() -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(_INTERESTS, {"prefix": PREFIX, "from": len(PREFIX) + 1})
        return cursor.fetchall()


def _format(kind: str) -> Callable[[float], str]:
    """How a score of this kind is written: money, points of a hundred, a chance, or a plain number."""
    if kind == "ltv":
        places = exponent(settings.REPORTING_CURRENCY)
        return lambda value: money(round(value * 10**places), settings.REPORTING_CURRENCY)
    if kind == "engagement":
        return lambda value: integer(round(value))
    return lambda value: percent(value)
