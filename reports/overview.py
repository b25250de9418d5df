"""The figures of the home page, from counters and bounded queries."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection
from django.db.models import Count, Max, Sum
from django.db.models.functions import TruncWeek

from campaigns.models import Campaign
from common.charts import Chart, Series
from common.clock import now
from customers.models import Order, SyncRun
from recommendations.models import ModelVersion
from reports.models import DayFigures
from reports.pages import adding
from reports.pages.campaigns import headline
from reports.pages.report import Asked
from segments.models import Segment

WEEKS = 26
EXACT_UP_TO = 100_000


@dataclass(frozen=True, slots=True)
class Week:
    """Orders of a week that starts on Monday, and what those in the main currency brought less refunds."""

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
    mail: adding.Total
    mail_headline: str


def overview() -> Overview:
    """Gather the home page's figures. The weeks end with the newest order, so that historical data shows too."""
    latest = Order.objects.aggregate(at=Max("placed_at"))["at"]
    asked = Asked()
    mail = adding.total(adding.figures_since(asked.since), "mail")
    attributed = adding.sums_of(DayFigures.objects.filter(day__gte=asked.since), ["revenue_minor"])
    weeks, currency = _weeks(latest.astimezone(UTC)) if latest else ([], "")
    return Overview(
        as_of=now(),
        customers=_customers(),
        latest_order_at=latest,
        orders_in_window=sum(week.orders for week in weeks),
        currency=currency,
        revenue_in_window_minor=sum(week.revenue_minor for week in weeks),
        segments=list(Segment.objects.active().order_by("-member_count")[:5]),
        campaigns=list(Campaign.objects.select_related("segment", "dispatch")[:5]),
        champion=ModelVersion.objects.filter(status=ModelVersion.Status.CHAMPION).first(),
        last_sync=SyncRun.objects.order_by("-started_at").first(),
        revenue_chart=_chart(weeks, currency) if weeks else None,
        mail=mail,
        mail_headline=headline(
            mail,
            attributed["revenue_minor"],
            currency=settings.REPORTING_CURRENCY,
            days=asked.days,
        ),
    )


def _weeks(latest: datetime) -> tuple[list[Week], str]:
    """Every one of the last weeks, those without an order too; revenue is in the currency most orders are in.

    Weeks begin on Monday, UTC; the last one is that of the newest order. One query.
    """
    newest = latest - timedelta(days=latest.weekday())
    last = newest.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [last - timedelta(weeks=ago) for ago in reversed(range(WEEKS))]
    rows = (
        Order.objects.filter(placed_at__gte=starts[0], placed_at__lte=latest)
        .annotate(week=TruncWeek("placed_at", tzinfo=UTC))
        .values_list("week", "currency")
        .annotate(orders=Count("id"), revenue=Sum("total_minor") - Sum("refunded_minor"))
        .order_by("week", "currency")
    )
    orders: Counter[datetime] = Counter()
    currencies: Counter[str] = Counter()
    revenue: dict[tuple[datetime, str], int] = {}
    for week, currency, count, amount in rows:
        orders[week] += count
        currencies[currency] += count
        revenue[week, currency] = amount
    [(top, _)] = currencies.most_common(1)
    return [Week(start, orders[start], revenue.get((start, top), 0)) for start in starts], top


def _chart(weeks: list[Week], currency: str) -> Chart:
    return Chart(
        title="Net revenue a week",
        kind="area",
        unit="money",
        currency=currency,
        categories=[*(f"{week.start:%-d %b}" for week in weeks[:-1]), f"{weeks[-1].start:%-d %b} (so far)"],
        category_label="Week from",
        series=[Series(name="Net revenue", values=[float(week.revenue_minor) for week in weeks])],
    )


def _customers() -> int:
    """Count customers (not anonymous visitors): exactly in small tables, by the planner beyond 100,000 rows."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = 'customers_customer'::regclass")
        if cursor.fetchone()[0] <= EXACT_UP_TO:
            cursor.execute("SELECT count(*) FROM customers_customer WHERE NOT is_anonymous")
            return int(cursor.fetchone()[0])
        cursor.execute("EXPLAIN (FORMAT JSON) SELECT FROM customers_customer WHERE NOT is_anonymous")
        [[[plan]]] = cursor.fetchall()
        return int(plan["Plan"]["Plan Rows"])
