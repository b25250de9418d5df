"""What came back for what was paid: incremental revenue against costs."""

from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings as django_settings
from django.db.models import Case, F, FloatField, OuterRef, Q, Subquery, Sum, Value, When
from django.db.models.functions import Coalesce
from django.urls import reverse

from common.charts import Chart, Series
from common.figures import money, percent
from common.pagination import cursor_page
from reports.costs import costs_of, return_on
from reports.models import CampaignFigures, ReportSettings
from reports.models.facts import ORDER_PARTS
from reports.pages import adding, definitions
from reports.pages.report import Asked, Column, Report, Row, Stat, Table
from reports.pages.wording import bounds, count, signed

_CHUNK = 500
_COLUMNS = (
    Column("Campaign", "text"),
    Column("Sent", about=definitions.SENT[1]),
    Column("Mails", "money", "Mails sent times the cost of 1,000 of them."),
    Column("Fixed", "money", "What was entered for this campaign."),
    Column("Discounts", "money", "Attributed orders times the discount an order that was entered."),
    Column("Costs", "money", "The three together."),
    Column("Incremental", "money", definitions.MAIL_WORTH[1]),
    Column("Profit", "money", "Incremental revenue times the margin, less costs."),
    Column("ROI", "percent", "Profit for each unit of cost: 100 % doubles the money."),
    Column("from", "percent", "ROI at the lower end of the 95 % interval of incremental revenue."),
    Column("to", "percent", "ROI at the upper end."),
    Column("Attributed", "money", "Net revenue of attributed orders; not proof of cause."),
)
_ROI = (
    "ROI",
    "(Incremental revenue × margin − costs) / costs. Only what the holdout shows to be brought by mail counts as "
    "return. 0 % means that the costs came back and nothing more. A campaign has a return once it can be judged: it "
    "held people out, its window is over, enough people of the smaller group have bought, and most orders are in the "
    "reporting currency. Of campaigns that hold out the same people at the same time each has its own, and one "
    "is summed.",
)
_COSTS = (
    "Costs",
    "Mails by the thousand (settings, or the campaign's own price), fixed costs, and discounts: what each attributed "
    "order got off. Of the people of whom the return is known: who waited for the winner is in neither.",
)

_OF_JUDGED = "Of the campaigns that held people out and can be judged"


def roi(asked: Asked) -> Report:
    """ROI over all campaigns of the period whose window has closed and that held people out, and each campaign."""
    settings, currency = ReportSettings.current(), django_settings.REPORTING_CURRENCY
    rows = adding.figures_since(asked.since).select_related("campaign__cost")
    page = None if asked.is_file else cursor_page(rows, cursor=asked.cursor)
    shown: Iterable[CampaignFigures] = rows.order_by("-pk").iterator(_CHUNK) if page is None else page.rows
    lines = list(_lines(shown, settings)) if page else _lines(shown, settings)
    judged = adding.judged(rows, "mail")
    found, paid = adding.total_of(judged, "mail"), _paid(rows.filter(pk__in=judged.pks), settings)
    return Report(
        title="Return on mail",
        headline=_headline(found, paid, settings, currency, asked.days),
        as_of=settings.refreshed_at,
        stats=[
            Stat("Costs", money(round(paid), currency) if found.campaigns else "–", _OF_JUDGED),
            Stat(
                "Incremental revenue", signed(found.minor, currency) if found.campaigns else "–", _OF_JUDGED
            ),
            Stat("Margin", percent(settings.margin_percent / 100, 0), "From the settings"),
            Stat("Cost of 1,000 mails", money(settings.thousand_mails_minor, currency), "From the settings"),
        ],
        charts=_charts(lines, currency) if isinstance(lines, list) else [],
        tables=[Table(title="Campaigns", columns=_COLUMNS, rows=lines, currency=currency)],
        page=page,
        definitions=[
            _ROI,
            _COSTS,
            definitions.MAIL_WORTH,
            definitions.attributed(settings),
            definitions.PERIOD,
        ],
        empty="" if settings.refreshed_at else "Launch a campaign: within a minute it is counted here.",
        notes=_notes(settings),
    )


def _notes(settings: ReportSettings) -> list[str]:
    if settings.thousand_mails_minor:
        return []
    return ["The settings say that mails cost nothing. An administrator can enter what 1,000 mails cost."]


def _headline(found: adding.Total, paid: float, settings: ReportSettings, currency: str, days: int) -> str:
    if not found.campaigns:
        return (
            f"No campaign of the last {days} days that held people out can be judged yet, so the return is not "
            f"known.{found.left_out}"
        )
    low, high = bounds(found.minor, found.variance)
    profits = [value * settings.margin_percent / 100 - paid for value in (found.minor, low, high)]
    text = (
        f"{count(found.campaigns, 'campaign')} of the last {days} days cost {money(round(paid), currency)} and made "
        f"{signed(profits[0], currency)} of profit (95 % interval {signed(profits[1], currency)} to "
        f"{signed(profits[2], currency)})."
    )
    rate = f" That is a return of {percent(profits[0] / paid, 0)}." if paid else ""
    return f"{text}{rate}{found.left_out}"


def _paid(rows: Any, settings: ReportSettings) -> float:
    """The costs of these campaigns, for the people of whom the worth is; one query."""
    days = (
        adding.compared_days().filter(dispatch=OuterRef("campaign__dispatch")).values("dispatch").order_by()
    )
    sent = Coalesce(Subquery(days.annotate(n=Sum("sent")).values("n")), Value(0))
    parts = Coalesce(Subquery(days.annotate(n=Sum("order_parts")).values("n")), Value(0))
    thousand = Coalesce(F("campaign__cost__thousand_mails_minor"), Value(settings.thousand_mails_minor))
    own = Case(
        When(Q(campaign__cost=None), then=Value(0.0)),
        default=F("campaign__cost__fixed_minor")
        + parts * F("campaign__cost__order_discount_minor") / float(ORDER_PARTS),
        output_field=FloatField(),
    )
    each = rows.annotate(paid=sent * thousand / 1000.0 + own)
    return float(each.aggregate(n=Sum("paid", output_field=FloatField()))["n"] or 0.0)


def _lines(shown: Iterable[CampaignFigures], settings: ReportSettings) -> Iterator[Row]:
    chunk: list[CampaignFigures] = []
    for one in shown:
        chunk.append(one)
        if len(chunk) == _CHUNK:
            yield from _of_chunk(chunk, settings)
            chunk = []
    yield from _of_chunk(chunk, settings)


def _of_chunk(chunk: list[CampaignFigures], settings: ReportSettings) -> Iterator[Row]:
    sums = adding.compared_by_dispatch(one.campaign.dispatch_id for one in chunk if one.campaign.dispatch_id)
    for one in chunk:
        of = sums.get(one.campaign.dispatch_id or 0, adding.nothing())
        yield Row(_cells(one, of, settings), reverse("reports:campaign", args=[one.campaign.key]))


def _cells(one: CampaignFigures, of: dict[str, int], settings: ReportSettings) -> list[Any]:
    cost = getattr(one.campaign, "cost", None)
    costs = costs_of(cost, settings, sent=of["sent"], attributed_orders=adding.orders(of["order_parts"]))
    back: list[Any] = [None] * 5
    if (found := adding.mail_worth(one)) is not None and not adding.unfit(one, "mail"):
        worth, _ = found
        rates = [
            return_on(value, costs, margin_percent=settings.margin_percent)
            for value in (worth, *bounds(*found))
        ]
        back = [worth, worth * settings.margin_percent / 100 - costs.total_minor, *rates]
    paid = [costs.mails_minor, costs.fixed_minor, costs.discounts_minor, costs.total_minor]
    return [one.campaign.name, of["sent"], *paid, *back, of["revenue_minor"]]


def _charts(lines: list[Row], currency: str) -> list[Chart]:
    known = [row.cells for row in lines if row.cells[6] is not None][:15]
    if not known:
        return []
    return [
        Chart(
            title="Costs and profit by campaign",
            kind="column",
            unit="money",
            currency=currency,
            categories=[cells[0] for cells in known],
            category_label="Campaign",
            series=[
                Series(name="Costs", values=[float(cells[5]) for cells in known]),
                Series(name="Profit", values=[float(cells[7]) for cells in known]),
            ],
        )
    ]
