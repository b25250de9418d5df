"""What personalising is worth, pooled over the campaigns that kept a baseline."""

from django.conf import settings as django_settings
from django.urls import reverse

from common.charts import Chart, Series
from common.figures import integer
from common.pagination import cursor_page
from reports.models import CampaignFigures, ReportSettings
from reports.pages import adding, definitions
from reports.pages.campaigns import verdict
from reports.pages.report import Asked, Column, Report, Row, Stat, Table
from reports.pages.wording import bounds, count, signed
from reports.pooling import Pooled, pooled

MOST_POOLED = 2_000
_COLUMNS = (
    Column("Campaign", "text"),
    Column("Personalised", about="Everybody in the arms with personalisation."),
    Column("A recipient", "money", "Revenue a recipient more than in the baseline."),
    Column("from", "money", "Lower end of the 95 % interval."),
    Column("to", "money", "Upper end of the 95 % interval."),
    Column("In all", "money", definitions.PERSONAL_WORTH[1]),
    Column("Is it sure?", "text"),
)
_POOLING = (
    "Pooled over campaigns",
    "The mean gain a recipient by random effects (DerSimonian and Laird): campaigns are weighted by how exactly they "
    "measured, and may truly differ from each other. The interval is for the mean over such campaigns.",
)
_SPREAD = (
    "Spread between campaigns",
    "The standard deviation of the true gain between campaigns (tau): 0 where they differ no more than by chance.",
)


def personalisation(asked: Asked) -> Report:
    """The lift of personalisation over all campaigns of the period with a baseline and a closed window."""
    settings, currency = ReportSettings.current(), django_settings.REPORTING_CURRENCY
    judged = adding.judged(adding.figures_since(asked.since), "personal")
    rows, measured = adding.figures_since(asked.since).filter(pk__in=judged.pks), judged.counted[:MOST_POOLED]
    effects = [_each(one) for one in measured]
    found = pooled([effect for effect, _ in effects], [variance for _, variance in effects])
    page = None if asked.is_file else cursor_page(rows, cursor=asked.cursor)
    return Report(
        title="What personalisation is worth",
        headline=_headline(found, currency, asked.days) + judged.sentence,
        tone="info"
        if found is None
        else "success"
        if found.low > 0
        else "danger"
        if found.high < 0
        else "info",
        as_of=settings.refreshed_at,
        stats=_stats(measured, found, currency),
        charts=_charts(measured, effects, found, currency),
        tables=[
            Table(
                title="Campaigns",
                subtitle="Those that count: measured against a baseline, with enough buyers, after their window closed",
                columns=_COLUMNS,
                rows=[_row(one) for one in (measured if page is None else page.rows)],
                currency=currency,
            )
        ],
        page=page,
        definitions=[definitions.PERSONAL_WORTH, _POOLING, _SPREAD, definitions.PERIOD],
        empty=""
        if measured
        else "No campaign of this period with a baseline can be judged yet. New campaigns offer the baseline "
        "holdout: keep it, and come back when the window is over.",
    )


def _each(one: CampaignFigures) -> tuple[float, float]:
    """Gain a recipient in minor units, and its variance."""
    treated = one.personal_treated or 1
    return (one.personal_worth_minor or 0.0) / treated, (one.personal_worth_variance or 0.0) / treated**2


def _headline(found: Pooled | None, currency: str, days: int) -> str:
    if found is None:
        return f"What personalisation was worth in the last {days} days is not known yet."
    low, high = signed(found.low, currency), signed(found.high, currency)
    sure = "" if found.low > 0 or found.high < 0 else " This cannot be told from no effect."
    return (
        f"Personalisation was worth {signed(found.estimate, currency)} a recipient (95 % interval {low} to {high}), "
        f"pooled over {count(found.count, 'campaign')} of the last {days} days.{sure}"
    )


def _stats(measured: list[CampaignFigures], found: Pooled | None, currency: str) -> list[Stat]:
    in_all = sum(one.personal_worth_minor or 0.0 for one in measured)
    spread = found.tau_squared**0.5 if found else 0.0
    return [
        Stat("Campaigns", integer(len(measured)), "That count"),
        Stat("Personalised", integer(sum(one.personal_treated or 0 for one in measured)), "Recipients"),
        Stat("In all", signed(in_all, currency), "Sum over these campaigns"),
        Stat("Spread between campaigns", signed(spread, currency).removeprefix("+"), "A recipient"),
    ]


def _charts(
    measured: list[CampaignFigures], effects: list[tuple[float, float]], found: Pooled | None, currency: str
) -> list[Chart]:
    if found is None:
        return []
    shown = list(zip(measured, effects, strict=True))[:15]
    intervals = [(found.estimate, found.low, found.high)]
    intervals += [(effect, *bounds(effect, variance)) for _, (effect, variance) in shown]
    return [
        Chart(
            title="Gain a recipient by campaign, with 95 % intervals",
            kind="interval",
            unit="money",
            currency=currency,
            categories=["All, pooled", *(one.campaign.name for one, _ in shown)],
            category_label="Campaign",
            series=[
                Series(
                    name="Gain a recipient",
                    values=[value for value, _, _ in intervals],
                    low=[low for _, low, _ in intervals],
                    high=[high for _, _, high in intervals],
                )
            ],
        )
    ]


def _row(one: CampaignFigures) -> Row:
    effect, variance = _each(one)
    cells = [
        one.campaign.name,
        one.personal_treated,
        effect,
        *bounds(effect, variance),
        one.personal_worth_minor,
        verdict(one, "personal"),
    ]
    return Row(cells, reverse("reports:campaign", args=[one.campaign.key]))
