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
        orders_in_window=sum(row["orders"] for row in weeks),
        currency=currency,
        revenue_in_window_minor=sum(row["revenue"] for row in weeks),
        segments=list(Segment.objects.order_by("-member_count")[:5]),
        campaigns=list(Campaign.objects.select_related("segment", "dispatch")[:5]),
        champion=ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).first(),
        last_sync=SyncRun.objects.order_by("-started_at").first(),
        revenue_chart=_chart(weeks, currency) if weeks else None,
    )


def _weeks(latest: datetime | None) -> tuple[list[dict[str, object]], str]:
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
    return list(rows), currency


def _chart(weeks: list[dict[str, object]], currency: str) -> Chart:
    return Chart(
        title="Net revenue a week",
        kind="area",
        unit="money",
        currency=currency,
        categories=[f"{row['week']:%-d %b}" for row in weeks],
        category_label="Week from",
        series=[Series(name="Net revenue", values=[float(row["revenue"]) for row in weeks])],  # type: ignore[arg-type]
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
