"""All campaigns: what mail brought, by the holdouts, with what followed clicks beside it."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings as django_settings
from django.urls import reverse

from common.charts import Chart, Series
from common.figures import integer, money
from common.pagination import cursor_page
from reports.models import CampaignFigures, DayFigures, ReportSettings
from reports.pages import adding, definitions
from reports.pages.report import Asked, Column, Report, Row, Stat, Table, share
from reports.pages.wording import bounds, count, judgement, tone, with_interval

CHARTED = 15
_CHUNK = 500
COLUMNS = (
    Column("Campaign", "text"),
    Column("Segment", "text"),
    Column("Launched", "text"),
    Column("Sent", about=definitions.SENT[1]),
    Column("Delivered", "percent", "Share of the mails sent of which no bounce was reported."),
    Column("Clicked", "percent", "Share of the mails delivered in which a person followed a link."),
    Column("Orders", "number", "Attributed orders; with shares, parts of one count as parts."),
    Column("Attributed", "money", "Net revenue of attributed orders."),
    Column("Incremental", "money", definitions.MAIL_WORTH[1]),
    Column("from", "money", "Lower end of the 95 % interval."),
    Column("to", "money", "Upper end of the 95 % interval."),
    Column(
        "Is it sure?", "text", "Whether the interval leaves out nothing at all, or why it cannot be judged."
    ),
)


def campaigns(asked: Asked) -> Report:
    """Incremental revenue over all campaigns of the period, attributed revenue beside it."""
    settings = ReportSettings.current()
    currency = django_settings.REPORTING_CURRENCY
    rows = adding.figures_since(asked.since)
    page = None if asked.is_file else cursor_page(rows, cursor=asked.cursor)
    shown: Iterable[CampaignFigures] = rows.order_by("-pk").iterator(_CHUNK) if page is None else page.rows
    found = adding.total(rows, "mail")
    attributed = adding.sums_of(DayFigures.objects.filter(day__gte=asked.since))
    return Report(
        title="All campaigns",
        headline=headline(found, attributed["revenue_minor"], currency=currency, days=asked.days),
        tone=tone(found.minor, found.variance) if found.campaigns else "info",
        as_of=settings.refreshed_at,
        stats=_stats(attributed, currency),
        charts=[] if page is None else _charts(page.rows, currency),
        tables=[
            Table(
                title="Campaigns",
                subtitle="The newest first; incremental revenue only where people were held out by chance",
                columns=COLUMNS,
                rows=table_rows(shown),
                currency=currency,
            )
        ],
        page=page,
        definitions=[
            definitions.MAIL_WORTH,
            definitions.attributed(settings),
            definitions.SENT,
            definitions.DELIVERED,
            definitions.CLICKED,
            definitions.PERIOD,
        ],
        empty="" if settings.refreshed_at else "Launch a campaign: within a minute it is counted here.",
    )


def headline(found: adding.Total, attributed_minor: int, *, currency: str, days: int) -> str:
    """What mail brought in the period, in one sentence or two."""
    beside = f"Attributed revenue came to {money(attributed_minor, currency)}, which is not proof of cause."
    if not found.campaigns:
        return (
            f"What mail brought in addition in {days} days is not known: no campaign that held people back by "
            f"chance can be judged yet.{found.left_out} {beside}"
        )
    return (
        f"Mail brought {with_interval(found.minor, found.variance, currency)} of revenue in {days} days that would "
        f"not have come without it, measured by the holdouts of {count(found.campaigns, 'campaign')}."
        f"{judgement(found.minor, found.variance)}{found.left_out} {beside}"
    )


def table_rows(shown: Iterable[CampaignFigures]) -> Iterator[Row]:
    """One line a campaign, read in chunks."""
    chunk: list[CampaignFigures] = []
    for one in shown:
        chunk.append(one)
        if len(chunk) == _CHUNK:
            yield from _lines(chunk)
            chunk = []
    yield from _lines(chunk)


def verdict(figures: CampaignFigures, prefix: str) -> str:
    """Whether a campaign's worth is to be believed, in a few words."""
    worth, variance = getattr(figures, f"{prefix}_worth_minor"), getattr(figures, f"{prefix}_worth_variance")
    if worth is None:
        return "Nobody was held out"
    if figures.currency != django_settings.REPORTING_CURRENCY:
        return f"Most orders are in {figures.currency}"
    if figures.window_closes_at is None or figures.counted_at < figures.window_closes_at:
        return "The window is still open"
    if doubt := getattr(figures, f"{prefix}_doubt"):
        return f"Too early: {doubt}"
    low, high = bounds(worth, variance)
    return "Yes" if low > 0 or high < 0 else "No: it may be nothing"


def _lines(chunk: list[CampaignFigures]) -> Iterator[Row]:
    sums = adding.by_dispatch(one.campaign.dispatch_id for one in chunk if one.campaign.dispatch_id)
    for one in chunk:
        campaign = one.campaign
        of = sums.get(campaign.dispatch_id or 0, adding.nothing())
        worth: list[Any] = [None, None, None]
        if (found := adding.mail_worth(one)) is not None:
            worth = [found[0], *bounds(*found)]
        cells = [
            campaign.name,
            campaign.segment.name,
            f"{campaign.launched_at:%-d %b %Y}",
            of["sent"],
            share(of["delivered"], of["sent"]),
            share(of["clicked"], of["delivered"]),
            adding.orders(of["order_parts"]),
            of["revenue_minor"],
            *worth,
            verdict(one, "mail"),
        ]
        yield Row(cells, reverse("reports:campaign", args=[campaign.key]))


def _stats(of: dict[str, int], currency: str) -> list[Stat]:
    orders = adding.orders(of["order_parts"])
    return [
        Stat("Sent", integer(of["sent"]), "Mails of campaigns and journeys"),
        Stat("Clicked", integer(of["clicked"]), "By people"),
        Stat("Attributed orders", f"{orders:,.0f}", "By the rule in the settings"),
        Stat(
            "Attributed revenue", money(of["revenue_minor"], currency), "Net of refunds; not proof of cause"
        ),
    ]


def _charts(rows: Iterable[CampaignFigures], currency: str) -> list[Chart]:
    held = [(one, worth) for one in rows if (worth := adding.mail_worth(one)) is not None][:CHARTED]
    if not held:
        return []
    worths = [worth for _, worth in held]
    intervals = [bounds(*worth) for worth in worths]
    return [
        Chart(
            title="Incremental revenue by campaign, with 95 % intervals",
            kind="interval",
            unit="money",
            currency=currency,
            categories=[one.campaign.name for one, _ in held],
            category_label="Campaign",
            series=[
                Series(
                    name="Incremental revenue",
                    values=[worth for worth, _ in worths],
                    low=[low for low, _ in intervals],
                    high=[high for _, high in intervals],
                )
            ],
        )
    ]


PART_COLUMNS = (
    Column("Sent"),
    Column("Delivered", "percent", "Share of the mails sent."),
    Column("Opened", "percent", definitions.OPENED[1]),
    Column("Clicked", "percent", definitions.CLICKED[1]),
    Column("Unsubscribed", "percent", definitions.UNSUBSCRIBED[1]),
    Column("Orders", "number", "Attributed"),
    Column("Revenue", "money", "Attributed, net of refunds"),
)


def part_cells(of: dict[str, int]) -> list[Any]:
    """The cells under PART_COLUMNS."""
    return [
        of["sent"],
        share(of["delivered"], of["sent"]),
        share(of["opened"], of["delivered"]),
        share(of["clicked"], of["delivered"]),
        share(of["unsubscribed"], of["delivered"]),
        adding.orders(of["order_parts"]),
        of["revenue_minor"],
    ]
