"""Who comes back, who moves between stages, and which segments grow."""

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

from django.conf import settings as django_settings
from django.db.models import OuterRef, Subquery, Sum
from django.urls import reverse

from common.charts import Chart, Series
from common.clock import now
from common.figures import integer, percent
from reports.cohorts import MONTHS
from reports.models import CohortFigures
from reports.pages import definitions
from reports.pages.report import MOST_ROWS, Asked, Column, Report, Row, Stat, Table, share
from segments.models import Lifecycle, Segment, SegmentDay
from segments.stages import moves, stored_stages

SHOWN_MONTHS = 13
CHARTED = 5
_COHORT = ("Cohort", "All customers whose first order was in that month (UTC).")
_AGAIN = (
    "Months later",
    "The share of the cohort that ordered in the month so many months after their first. The latest month is not over "
    "yet and still grows.",
)
_REVENUE = ("Revenue a customer", "Net revenue of the cohort so far by its size, in the reporting currency.")


def cohorts(asked: Asked) -> Report:
    """Repeat purchase by the month of the first order; one query."""
    currency = django_settings.REPORTING_CURRENCY
    by_month: dict[date, dict[int, CohortFigures]] = defaultdict(dict)
    for one in CohortFigures.objects.order_by("-first_month", "months_later"):
        by_month[one.first_month][one.months_later] = one
    months = list(by_month) if asked.is_file else list(by_month)[:SHOWN_MONTHS]
    as_of = next((cells[0].counted_at for cells in by_month.values() if 0 in cells), None)
    this_month = now().date().replace(day=1)
    rows = [_cohort_row(month, by_month[month], this_month) for month in months]
    return Report(
        title="Repeat purchases",
        headline=_cohort_headline(by_month, this_month),
        as_of=as_of,
        has_period=False,
        tables=[
            Table(
                title="Share of each cohort that ordered again",
                subtitle="By the month of the first order; the stronger the colour, the more came back",
                columns=(
                    Column("First order", "text"),
                    Column("Customers"),
                    Column("Revenue a customer", "money", _REVENUE[1]),
                    *(Column(f"+{later}", "percent", is_heat=True) for later in range(1, MONTHS + 1)),
                ),
                rows=rows,
                currency=currency,
            )
        ],
        charts=_cohort_charts(by_month, this_month),
        definitions=[_COHORT, _AGAIN, _REVENUE],
        empty="" if by_month else "There are no orders yet. Import the shop's history, or send events.",
    )


def lifecycle(asked: Asked) -> Report:
    """Moves between stages in the period, as a flow, and the stages as they are."""
    stages, row = stored_stages(), Lifecycle.objects.first()
    flow = moves(stages, days=asked.days)
    streams = list(flow.streams) if flow else []
    total = sum(stage.member_count for stage in stages)
    moved = sum(number for _, _, number in streams)
    largest = (
        f" Most went from {streams[0][0]} to {streams[0][1]}: {integer(streams[0][2])}." if streams else ""
    )
    currency = django_settings.REPORTING_CURRENCY
    return Report(
        title="Lifecycle",
        headline=f"{integer(moved)} moves between stages in {asked.days} days.{largest}",
        as_of=row.refreshed_at if row else None,
        charts=[flow] if flow else [],
        stats=[Stat("Customers", integer(total), "In some stage")],
        tables=[
            Table(
                title="Moves",
                columns=(Column("From", "text"), Column("To", "text"), Column("Moves")),
                rows=[Row(stream) for stream in streams],
                currency=currency,
            ),
            Table(
                title="Stages",
                columns=(Column("Stage", "text"), Column("Customers"), Column("Share", "percent")),
                rows=[Row([one.name, one.member_count, share(one.member_count, total)]) for one in stages],
                currency=currency,
            ),
        ],
        definitions=[
            (
                "Move",
                "A customer went from one stage to another; who moves twice counts twice. First stages are none.",
            ),
            ("Stage", "Every customer is in exactly one: the first whose condition fits."),
        ],
        links=[("Stages", reverse("segments:lifecycle"))],
        empty="" if total else "Nobody is in a stage yet: stages are judged every night, and on each event.",
    )


def growth(asked: Asked) -> Report:
    """How segments grew in the period, the largest first; three queries."""
    before = SegmentDay.objects.filter(segment=OuterRef("pk"), day__lt=asked.since).order_by("-day")
    since = (
        SegmentDay.objects.filter(segment=OuterRef("pk"), day__gte=asked.since).order_by().values("segment")
    )
    found = (
        Segment.objects.active()
        .annotate(
            was=Subquery(before.values("members")[:1]),
            came=Subquery(since.annotate(n=Sum("entered")).values("n")),
            went=Subquery(since.annotate(n=Sum("left")).values("n")),
        )
        .order_by("-member_count", "key")
    )
    segments = list(found if asked.is_file else found[:MOST_ROWS])
    return Report(
        title="Growth of segments",
        headline=_growth_headline(segments, asked.days),
        as_of=max((one.refreshed_at for one in segments if one.refreshed_at), default=None),
        charts=_growth_charts(segments[:CHARTED], asked),
        tables=[
            Table(
                title="Segments",
                columns=(
                    Column("Segment", "text"),
                    Column("Members"),
                    Column(
                        "Before", about="Members when the period began; empty where it was not counted yet."
                    ),
                    Column("Grew", "percent", "Members now against those before."),
                    Column("Entered", about="Who came in during the period; who comes twice counts twice."),
                    Column("Left"),
                ),
                rows=[_growth_row(one) for one in segments],
                currency=django_settings.REPORTING_CURRENCY,
            )
        ],
        definitions=[
            ("Members", "Customers who fit the segment's condition by its last refresh."),
            definitions.PERIOD,
        ],
        empty="" if segments else "There are no segments yet. A segment describes people in sentences.",
    )


def _cohort_row(month: date, cells: dict[int, CohortFigures], this_month: date) -> Row:
    size = cells[0].customers if 0 in cells else 0
    revenue = sum(one.revenue_minor for one in cells.values())
    shares: list[Any] = []
    for later in range(1, MONTHS + 1):
        is_future = _plus(month, later) > this_month
        ordered = cells[later].customers if later in cells else 0
        shares.append(None if is_future else share(ordered, size))
    return Row([f"{month:%b %Y}", size, share(revenue, size), *shares])


def _cohort_headline(by_month: dict[date, dict[int, CohortFigures]], this_month: date) -> str:
    over = [
        (month, cells) for month, cells in by_month.items() if _plus(month, 1) < this_month and 0 in cells
    ]
    size = sum(cells[0].customers for _, cells in over)
    again = sum(cells[1].customers for _, cells in over if 1 in cells)
    if not size:
        return "No month has passed since the first orders, so nobody can have come back in a later one."
    return (
        f"{percent(share(again, size), 1)} of {integer(size)} customers ordered again in the month after that of their "
        "first order."
    )


def _cohort_charts(by_month: dict[date, dict[int, CohortFigures]], this_month: date) -> list[Chart]:
    """The mean over cohorts of how many came back, by months later; only months that are over."""
    values: list[float | None] = []
    for later in range(1, MONTHS + 1):
        over = [cells for month, cells in by_month.items() if _plus(month, later) < this_month and 0 in cells]
        size = sum(cells[0].customers for cells in over)
        values.append(share(sum(cells[later].customers for cells in over if later in cells), size))
    if values[0] is None:
        return []
    return [
        Chart(
            title="Share that ordered again, by months after the first order",
            kind="line",
            unit="percent",
            categories=[f"+{later}" for later in range(1, MONTHS + 1)],
            category_label="Months later",
            series=[Series(name="All cohorts", values=values)],
        )
    ]


def _plus(month: date, months: int) -> date:
    year, index = divmod(month.year * 12 + month.month - 1 + months, 12)
    return date(year, index + 1, 1)


def _growth_row(one: Any) -> Row:
    grew = (one.member_count - one.was) / one.was if one.was else None
    cells = [one.name, one.member_count, one.was, grew, one.came or 0, one.went or 0]
    return Row(cells, reverse("segments:detail", args=[one.key]))


def _growth_headline(segments: list[Any], days: int) -> str:
    known = [one for one in segments if one.was]
    if not known:
        return f"No segment is older than {days} days, so there is no growth to tell yet."
    best = max(known, key=lambda one: ((one.member_count - one.was) / one.was, one.key))
    grew = (best.member_count - best.was) / best.was
    word = "grew" if grew >= 0 else "shrank"
    return (
        f"{best.name} did best in {days} days: it {word} by {percent(abs(grew), 1)} to {integer(best.member_count)} "
        "members."
    )


def _growth_charts(segments: list[Any], asked: Asked) -> list[Chart]:
    """Members by day; a day without a row shows the day before. One query."""
    today = now().date()
    days = [asked.since + timedelta(days=step) for step in range((today - asked.since).days + 1)]
    rows = SegmentDay.objects.filter(segment__in=[one.pk for one in segments], day__gte=asked.since)
    known = {(row.segment_id, row.day): row.members for row in rows}
    if all(one.was is None for one in segments):
        days = [day for day in days if day >= min((day for _, day in known), default=today)]
    if len(days) < 2:
        return []
    series = []
    for one in segments:
        members: list[float | None] = []
        last: float | None = one.was
        for day in days:
            last = known.get((one.pk, day), last)
            members.append(last)
        series.append(Series(name=one.name, values=members))
    return [
        Chart(
            title="Members of the largest segments by day",
            kind="line",
            categories=[f"{day:%-d %b}" for day in days],
            category_label="Day",
            series=series,
        )
    ]
