"""The figures of the home page, from counters and bounded queries."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import connection
from django.db.models import Count, Max, Sum
from django.db.models.functions import TruncWeek

from campaigns.models import Campaign
from common.charts import Chart, Series
from common.clock import now
from customers.models import Order, SyncRun
from recommendations.models import ModelVersion
from segments.models import Segment

WEEKS = 26


@dataclass(frozen=True, slots=True)
class Week:
    """Orders of a week that starts on Monday, and what they brought less refunds, in minor units."""

    start: datetime
    orders: int
    revenue_minor: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """What the home page shows; `customers` is the planner's estimate for big tables."""

    as_of: datetime
    customers: int
    latest_order_at: datetime | None
    orders_in_window: int
    currency: str
    revenue_in_window_minor: int
    segments: list[Segment]
    campaigns: list[Campaign]
    champion: ModelVersion | None
    last_sync: SyncRun | None
    revenue_chart: Chart | None


def overview() -> Overview:
    """Gather the home page's figures. The weeks end with the newest order, so that historical data shows too."""
    latest = Order.objects.aggregate(at=Max("placed_at"))["at"]
    weeks, currency = _weeks(latest)
    return Overview(
        as_of=now(),
        customers=_customers(),
        latest_order_at=latest,
        orders_in_window=sum(week.orders for week in weeks),
        currency=currency,
        revenue_in_window_minor=sum(week.revenue_minor for week in weeks),
        segments=list(Segment.objects.order_by("-member_count")[:5]),
        campaigns=list(Campaign.objects.select_related("segment", "dispatch")[:5]),
        champion=ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).first(),
        last_sync=SyncRun.objects.order_by("-started_at").first(),
        revenue_chart=_chart(weeks, currency) if weeks else None,
    )


def _weeks(latest: datetime | None) -> tuple[list[Week], str]:
    """Orders and net revenue of each of the last weeks, in the currency most of them are in."""
    if latest is None:
        return [], ""
    recent = Order.objects.filter(placed_at__gt=latest - timedelta(weeks=WEEKS), placed_at__lte=latest)
    top = recent.values("currency").annotate(n=Count("id")).order_by("-n").first()
    currency = top["currency"] if top else ""
    rows = (
        recent.filter(currency=currency)
        .annotate(week=TruncWeek("placed_at"))
        .values("week")
        .annotate(orders=Count("id"), revenue=Sum("total_minor") - Sum("refunded_minor"))
        .order_by("week")
    )
    return [Week(row["week"], row["orders"], row["revenue"]) for row in rows], currency


def _chart(weeks: list[Week], currency: str) -> Chart:
    return Chart(
        title="Net revenue a week",
        kind="area",
        unit="money",
        currency=currency,
        categories=[f"{week.start:%-d %b}" for week in weeks],
        category_label="Week from",
        series=[Series(name="Net revenue", values=[float(week.revenue_minor) for week in weeks])],
    )


def _customers() -> int:
    """Count small tables exactly and take the planner's figure for those beyond 100,000 rows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = 'customers_customer'::regclass")
        row = cursor.fetchone()
        if row and row[0] > 100_000:
            return int(row[0])
        cursor.execute("SELECT count(*) FROM customers_customer WHERE NOT is_anonymous")
        return int(cursor.fetchone()[0])
